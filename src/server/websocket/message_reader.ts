/**
 * Assembles messages from frames as a server sends them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { FINAL, lengthOf, OPCODE } from "./encode.ts";
import type { Message } from "../core/message.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Messages that have ended, and pings to answer. */
export interface ReadMessages {
  readonly messages: Message[];
  readonly pings: Bytes[];
}

/** The first capacity, in bytes, for a message that comes in parts. */
const FIRST_CAPACITY = 1024;

/**
 * One direction of a connection. Its input comes from a {@link FrameWalker}: it is well-formed, unmasked, bounded, and
 * never cut within a header or a control frame.
 */
export class MessageReader {
  readonly #mostBytes: number;
  /** The beginning of a message that has not ended, in one buffer, since a message can come byte by byte. */
  #kept: Bytes = NOTHING;
  #length = 0;
  /** Payload bytes of the current frame that have not come. */
  #left = 0;
  #isText = false;
  #isFinal = false;

  /** @param mostBytes A longer message is cut to one byte more, so that its reader can refuse it. */
  constructor(mostBytes = Infinity) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes kept for a message that has not ended. */
  get keptBytes(): number {
    return this.#kept.byteLength;
  }

  read(bytes: Bytes): ReadMessages {
    const found: ReadMessages = { messages: [], pings: [] };
    for (let at = 0; at < bytes.byteLength;) {
      at = this.#left > 0 ? this.#payload(bytes, at, found) : this.#header(bytes, at, found);
    }
    return found;
  }

  #header(bytes: Bytes, at: number, found: ReadMessages): number {
    const opcode = bytes[at] & 0x0f;
    const { length, from } = lengthOf(bytes, at + 1);
    if (opcode === OPCODE.ping) found.pings.push(bytes.slice(from, from + length));
    // Of control frames only pings need an answer, and no close is ever passed on.
    if (opcode >= OPCODE.close) return from + length;
    if (opcode !== OPCODE.continuation) this.#isText = opcode === OPCODE.text;
    this.#isFinal = (bytes[at] & FINAL) !== 0;
    this.#left = length;
    return length === 0 ? this.#endFrame(NOTHING, from, found) : from;
  }

  #payload(bytes: Bytes, at: number, found: ReadMessages): number {
    const end = at + Math.min(this.#left, bytes.byteLength - at);
    const part = bytes.subarray(at, end);
    this.#left -= part.byteLength;
    if (this.#left === 0) return this.#endFrame(part, end, found);
    this.#keep(part);
    return end;
  }

  #endFrame(part: Bytes, at: number, found: ReadMessages): number {
    if (!this.#isFinal) {
      this.#keep(part);
    } else if (this.#length === 0) {
      found.messages.push(toMessage(part.subarray(0, this.#mostBytes + 1), this.#isText));
    } else {
      this.#keep(part);
      found.messages.push(toMessage(this.#kept.subarray(0, this.#length), this.#isText));
      this.#kept = NOTHING;
      this.#length = 0;
    }
    return at;
  }

  /** Copies the bytes, since their buffer is read into again. */
  #keep(part: Bytes): void {
    const wanted = part.subarray(0, this.#mostBytes + 1 - this.#length);
    const length = this.#length + wanted.byteLength;
    if (length > this.#kept.byteLength) {
      const larger = new Uint8Array(Math.max(FIRST_CAPACITY, length, Math.min(2 * length, this.#mostBytes + 1)));
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(wanted, this.#length);
    this.#length = length;
  }
}

const NOTHING = new Uint8Array(0);

/** A copy as a message. */
function toMessage(bytes: Bytes, isText: boolean): Message {
  return isText ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : bytes.slice();
}
