/**
 * The message that a client is sending on a stream, part by part.
 *
 * @module
 */

import { CLOSE, type Close, type RecordReader, Violation } from "../../protocol.ts";
import { Utf8Check } from "../websocket/utf8.ts";

/** Checks the size of a message, and its text. Keeps none of it. */
export class IncomingMessage {
  readonly #isText: boolean;
  readonly #mostBytes: number;
  readonly #utf8: Utf8Check | undefined;
  #bytes = 0;

  constructor(isText: boolean, mostBytes: number) {
    this.#isText = isText;
    this.#mostBytes = mostBytes;
    this.#utf8 = isText ? new Utf8Check() : undefined;
  }

  /** What is wrong with the next part, if anything. Throws a {@link Violation}. */
  problemWith(part: RecordReader): Close | undefined {
    if (part.isText !== this.#isText) throw new Violation("message changes its type");
    this.#bytes += part.length;
    if (this.#bytes > this.#mostBytes) return CLOSE.tooBig;
    return this.#canFollow(part) ? undefined : CLOSE.notUtf8;
  }

  /** Whether the part is UTF-8 behind those before it. */
  #canFollow({ frame, payloadStart, payloadEnd, hasMore }: RecordReader): boolean {
    const utf8 = this.#utf8;
    return utf8 === undefined || utf8.accepts(frame, payloadStart, payloadEnd) && (hasMore || utf8.isWhole);
  }
}
