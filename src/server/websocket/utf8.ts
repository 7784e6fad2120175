/**
 * Checks whether text that comes in pieces is UTF-8.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";

/** The runtime checks pieces of at least so many bytes: below, a call costs more than a look at each byte. */
const LONG = 128;

/** Checks pieces of one text after another. A character may be cut anywhere. */
export class Utf8Check {
  /** Bytes of the current character that have not come. */
  #missing = 0;
  /** Bounds of the next of them, which exclude overlong encodings, surrogates and all beyond U+10FFFF. */
  #low = 0x80;
  #high = 0xbf;

  /** No character is cut at this point. */
  get isWhole(): boolean {
    return this.#missing === 0;
  }

  /** Whether the bytes from `from` up to `end` may follow. Must not be called again after it has returned false. */
  accepts(bytes: Uint8Array, from: number, end: number): boolean {
    if (end - from < LONG) return this.#acceptsEach(bytes, from, end);
    const start = this.#missing === 0 ? from : from + this.#missing;
    const tail = lastCharacter(bytes, end);
    return this.#acceptsEach(bytes, from, start) && isUtf8(bytes.subarray(start, tail)) &&
      this.#acceptsEach(bytes, tail, end);
  }

  #acceptsEach(bytes: Uint8Array, at: number, end: number): boolean {
    while (at < end) {
      if (this.#missing > 0) {
        if (!this.#continues(bytes[at++])) return false;
      } else {
        while (at < end && bytes[at] < 0x80) at++;
        if (at < end && !this.#starts(bytes[at++])) return false;
      }
    }
    return true;
  }

  #starts(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#low = 0xa0;
    else if (byte === 0xed) this.#high = 0x9f;
    else if (byte === 0xf0) this.#low = 0x90;
    else if (byte === 0xf4) this.#high = 0x8f;
    return true;
  }

  #continues(byte: number): boolean {
    if (byte < this.#low || byte > this.#high) return false;
    this.#missing--;
    this.#low = 0x80;
    this.#high = 0xbf;
    return true;
  }
}

/** Where the last character begins that may be cut: looks back over as many bytes as a character can miss. */
function lastCharacter(bytes: Uint8Array, end: number): number {
  let at = end;
  do at--; while (end - at < 4 && (bytes[at] & 0xc0) === 0x80);
  return at;
}
