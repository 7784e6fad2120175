/**
 * Reads frames as a server sends them, and returns parts of messages.
 *
 * @module
 */

import { Part } from "../core/message.ts";
import { PayloadReader } from "./payload_reader.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Parts of messages, and pings to answer. */
export interface ReadParts {
  readonly parts: Part[];
  readonly pings: Bytes[];
}

/** One direction of a connection. Its input is that of a {@link PayloadReader}. */
export class PartReader {
  readonly #payloads = new PayloadReader();

  /** The parts are copies. */
  read(bytes: Bytes): ReadParts {
    const parts: Part[] = [];
    const pings = this.#payloads.read(bytes, (piece, { isText, begins, ends }) => {
      parts.push(new Part(piece.slice(), isText, begins, ends));
    });
    return { parts, pings };
  }
}
