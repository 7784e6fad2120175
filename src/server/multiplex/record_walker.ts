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
    const bytes = this.#bytes;
    const start = this.end;
    const at = start + this.#numberLength;
    // The least record has a kind, and a length of one byte.
    if (at + 2 > bytes.length || !this.#isSameStream(start)) return false;
    const kind = bytes[at];
    if (kind !== WHOLE && kind !== WHOLE_TEXT) return false;
    if (!this.#readLength(at + 1)) return false;
    this.start = start;
    this.isText = kind === WHOLE_TEXT;
    return true;
  }

  #isSameStream(start: number): boolean {
    const [bytes, first] = [this.#bytes, this.#first];
    if (bytes[start] !== bytes[first]) return false;
    for (let i = 1; i < this.#numberLength; i++) if (bytes[start + i] !== bytes[first + i]) return false;
    return true;
  }

  /** False for a length of more than two bytes, a longer one than it must be, or a record that is cut off. */
  #readLength(at: number): boolean {
    const bytes = this.#bytes;
    let length = bytes[at];
    let payload = at + 1;
    if (length >= 0x80) {
      const high = payload < bytes.length ? bytes[payload] : 0;
      if (high === 0 || high >= 0x80) return false;
      length += (high - 1) * 0x80;
      payload += 1;
    }
    if (payload + length > bytes.length) return false;
    this.payload = payload;
    this.end = payload + length;
    return true;
  }
}

const WHOLE = KIND.data;
const WHOLE_TEXT = KIND.data | FLAG.text;
