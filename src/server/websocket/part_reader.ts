/**
 * Reads frames as a server sends them, and returns parts of messages.
 *
 * @module
 */

import { Part } from "../core/message.ts";
import { FINAL, lengthOf, OPCODE } from "./encode.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Parts of messages, and pings to answer. */
export interface ReadParts {
  readonly parts: Part[];
  readonly pings: Bytes[];
}

/**
 * One direction of a connection. Its input comes from a {@link FrameWalker}: it is well-formed, unmasked, bounded, and
 * never cut within a header or a control frame.
 */
export class PartReader {
  /** Payload bytes of the current frame that have not come. */
  #left = 0;
  #isText = false;
  #isFinal = false;
  /** The next part is the first of its message. */
  #begins = true;

  /** The parts are copies. */
  read(bytes: Bytes): ReadParts {
    const found: ReadParts = { parts: [], pings: [] };
    for (let at = 0; at < bytes.byteLength;) {
      at = this.#left > 0 ? this.#payload(bytes, at, found) : this.#header(bytes, at, found);
    }
    return found;
  }

  #header(bytes: Bytes, at: number, found: ReadParts): number {
    const opcode = bytes[at] & 0x0f;
    const { length, from } = lengthOf(bytes, at + 1);
    if (opcode === OPCODE.ping) found.pings.push(bytes.slice(from, from + length));
    // Of control frames only pings need an answer, and no close is ever passed on.
    if (opcode >= OPCODE.close) return from + length;
    if (opcode !== OPCODE.continuation) [this.#isText, this.#begins] = [opcode === OPCODE.text, true];
    this.#isFinal = (bytes[at] & FINAL) !== 0;
    this.#left = length;
    return length === 0 ? this.#payload(bytes, from, found) : from;
  }

  #payload(bytes: Bytes, at: number, { parts }: ReadParts): number {
    const end = at + Math.min(this.#left, bytes.byteLength - at);
    this.#left -= end - at;
    parts.push(new Part(bytes.slice(at, end), this.#isText, this.#begins, this.#isFinal && this.#left === 0));
    this.#begins = false;
    return end;
  }
}
