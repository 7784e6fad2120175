/**
 * What waits to be sent on one stream.
 *
 * @module
 */

import { creditCost, type RecordWriter, WIRE_LIMITS } from "../../protocol.ts";

/** Bytes of the least record that a message is cut down to for want of credit. */
const LEAST_RECORD_BYTES = 8 * 1024;
/** Messages that are done with stay in the list until they are so many, and half of it. */
const LEAST_DONE = 64;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
}

/** Messages, in order, written as records of any length. */
export class SendQueue {
  #messages: Waiting[] = [];
  /** The first message that is not written whole, and how much of it is. */
  #head = 0;
  #offset = 0;
  #bytes = 0;

  /** There may be empty messages where no bytes wait. */
  get isEmpty(): boolean {
    return this.#head === this.#messages.length;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param bytes Nobody changes them any more. */
  push(bytes: Uint8Array, isText: boolean): void {
    this.#messages.push({ bytes, isText });
    this.#bytes += bytes.byteLength;
  }

  clear(): void {
    this.#messages = [];
    this.#head = this.#offset = this.#bytes = 0;
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(credit: number): number | undefined {
    if (this.isEmpty) return undefined;
    const length = Math.min(this.#messages[this.#head].bytes.byteLength - this.#offset, WIRE_LIMITS.recordBytes);
    if (creditCost(length) <= credit) return length;
    const affordable = credit - creditCost(0);
    return affordable >= LEAST_RECORD_BYTES ? affordable : undefined;
  }

  /** Writes the next record. @param length What {@link SendQueue.nextLength} has given. */
  write(frame: RecordWriter, stream: number, length: number): void {
    const { bytes, isText } = this.#messages[this.#head];
    const end = this.#offset + length;
    const isLast = end === bytes.byteLength;
    const isWhole = isLast && this.#offset === 0;
    frame.data(stream, isWhole ? bytes : bytes.subarray(this.#offset, end), { text: isText, more: !isLast });
    this.#bytes -= length;
    this.#offset = isLast ? 0 : end;
    if (isLast) this.#shift();
  }

  #shift(): void {
    this.#head += 1;
    if (this.isEmpty) return this.clear();
    if (this.#head < LEAST_DONE || this.#head * 2 < this.#messages.length) return;
    this.#messages.splice(0, this.#head);
    this.#head = 0;
  }
}
