/**
 * Reads frames as a server sends them, and tells which payload belongs to which message.
 *
 * @module
 */

import { FINAL, OPCODE, payloadLength, payloadStart } from "./encode.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What a piece of payload is to its message. */
export interface PieceType {
  readonly isText: boolean;
  /** It is the first of its message. */
  readonly begins: boolean;
  /** It is the last one. */
  readonly ends: boolean;
}

type TakePiece = (piece: Bytes, type: PieceType) => void;

/**
 * One direction of a connection. Its input comes from a {@link FrameWalker}: it is well-formed, unmasked, bounded, and
 * never cut within a header or a control frame.
 */
export class PayloadReader {
  /** Payload bytes of the current frame that have not come. */
  #left = 0;
  #isText = false;
  #isFinal = false;
  /** The next piece is the first of its message. */
  #begins = true;

  /** What comes next is the beginning of a frame. */
  get atFrameBoundary(): boolean {
    return this.#left === 0;
  }

  /** Returns the pings to answer. @param take Gets each piece, an empty one for a frame without payload, as a view. */
  read(bytes: Bytes, take: TakePiece): Bytes[] {
    const pings: Bytes[] = [];
    for (let at = 0; at < bytes.byteLength;) {
      at = this.#left > 0 ? this.#payload(bytes, at, take) : this.#header(bytes, at, { pings, take });
    }
    return pings;
  }

  #header(bytes: Bytes, at: number, { pings, take }: { pings: Bytes[]; take: TakePiece }): number {
    const opcode = bytes[at] & 0x0f;
    const [from, length] = [payloadStart(bytes, at), payloadLength(bytes, at)];
    if (opcode === OPCODE.ping) pings.push(bytes.slice(from, from + length));
    // Of control frames only pings need an answer, and no close is ever passed on.
    if (opcode >= OPCODE.close) return from + length;
    if (opcode !== OPCODE.continuation) [this.#isText, this.#begins] = [opcode === OPCODE.text, true];
    this.#isFinal = (bytes[at] & FINAL) !== 0;
    this.#left = length;
    return length === 0 ? this.#payload(bytes, from, take) : from;
  }

  #payload(bytes: Bytes, at: number, take: TakePiece): number {
    const end = at + Math.min(this.#left, bytes.byteLength - at);
    this.#left -= end - at;
    const begins = this.#begins;
    this.#begins = false;
    take(bytes.subarray(at, end), { isText: this.#isText, begins, ends: this.#isFinal && this.#left === 0 });
    return end;
  }
}
