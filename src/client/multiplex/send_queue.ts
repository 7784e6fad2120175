/**
 * What waits to be sent on one stream.
 *
 * @module
 */

import { recordLength, type RecordWriter } from "../../protocol.ts";
import { Queue } from "./queue.ts";

interface Waiting {
  readonly bytes: Uint8Array;
  readonly isText: boolean;
}

/** Messages, in order, written as records of any length. */
export class SendQueue {
  #messages = new Queue<Waiting>();
  /** How much of the first message is written. */
  #offset = 0;
  #bytes = 0;

  /** There may be empty messages where no bytes wait. */
  get isEmpty(): boolean {
    return this.#messages.first === undefined;
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
    this.#messages = new Queue();
    this.#offset = this.#bytes = 0;
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(credit: number): number | undefined {
    const message = this.#messages.first;
    if (message === undefined) return undefined;
    return recordLength(message.bytes.byteLength - this.#offset, credit);
  }

  /** Writes the next record. @param length What {@link SendQueue.nextLength} has given. */
  write(frame: RecordWriter, stream: number, length: number): void {
    const { bytes, isText } = this.#messages.first!;
    const end = this.#offset + length;
    const isLast = end === bytes.byteLength;
    const isWhole = isLast && this.#offset === 0;
    frame.data(stream, isWhole ? bytes : bytes.subarray(this.#offset, end), { text: isText, more: !isLast });
    this.#bytes -= length;
    this.#offset = isLast ? 0 : end;
    if (isLast) this.#messages.shift();
  }
}
