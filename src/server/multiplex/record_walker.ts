/**
 * Goes from record to record of a frame without a copy.
 *
 * @module
 */

import { FLAG, KIND } from "../../protocol.ts";

/** Finds the records that are whole messages of one stream, as long as they follow each other. */
export class RecordWalker {
  /** Where the present record begins, where its payload begins, and where both end. */
  start: number;
  payload: number;
  end: number;
  isText = false;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #first: number;
  readonly #numberLength: number;

  /**
   * @param first Where the first record begins.
   * @param numberLength Bytes of the number of its stream.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, first: number, numberLength: number) {
    this.#bytes = bytes;
    this.#first =
      this.start =
      this.payload =
      this.end =
        first;
    this.#numberLength = numberLength;
  }

  /** Goes to the next record. False: there is none, or it is something else. */
  next(): boolean {
    const at = this.end + this.#numberLength;
    const kind = this.#bytes[at];
    const isWhole = kind === KIND.data || kind === (KIND.data | FLAG.text);
    if (!isWhole || !this.#isSameStream() || !this.#readLength(at + 1)) return false;
    this.start = at - this.#numberLength;
    this.isText = kind !== KIND.data;
    return true;
  }

  #isSameStream(): boolean {
    for (let i = 0; i < this.#numberLength; i++) {
      if (this.#bytes[this.end + i] !== this.#bytes[this.#first + i]) return false;
    }
    return true;
  }

  /** False for a length of more than two bytes, a longer one than it must be, or a record that is cut off. */
  #readLength(at: number): boolean {
    const [low, high] = [this.#bytes[at], this.#bytes[at + 1]];
    const isShort = low < 0x80;
    if (!isShort && !(high > 0 && high < 0x80)) return false;
    const payload = isShort ? at + 1 : at + 2;
    const end = isShort ? payload + low : payload + (low & 0x7f) + high * 0x80;
    // Where the frame ends before the length, this is not a number.
    if (!(end <= this.#bytes.byteLength)) return false;
    this.payload = payload;
    this.end = end;
    return true;
  }
}
