/**
 * Small parts of messages that wait, in one piece of memory: as objects, a million of them would keep the collector busy
 * for seconds.
 *
 * @module
 */

import type { Part } from "../core/message.ts";

const FIRST_BYTES = 1024;
/** Bytes of one piece: of what is full, the next begins. */
const MOST_BYTES = 16 * 1024;
/** Bytes of an entry beside its payload: flags, and a length of two bytes. */
const HEADER_BYTES = 3;
const IS_TEXT = 1;
const ENDS = 2;

/** Parts in order: `flags (u8) · length (u16) · payload`. */
export class PackedParts {
  /** Payloads up to this length are packed. */
  static readonly MOST_PAYLOAD = 1024;
  #bytes = new Uint8Array(FIRST_BYTES);
  #read = 0;
  #written = 0;

  get isEmpty(): boolean {
    return this.#read === this.#written;
  }

  /** Adds a copy of a part. False: this piece is full. */
  add({ source, from, to, isText, ends }: Part): boolean {
    const end = this.#written + HEADER_BYTES + to - from;
    if (end > MOST_BYTES) return false;
    this.#reserve(end);
    const bytes = this.#bytes;
    bytes[this.#written] = (isText ? IS_TEXT : 0) | (ends ? ENDS : 0);
    bytes[this.#written + 1] = (to - from) >> 8;
    bytes[this.#written + 2] = (to - from) & 0xff;
    bytes.set(source.subarray(from, to), this.#written + HEADER_BYTES);
    this.#written = end;
    return true;
  }

  /** Takes the first part out, as a view. */
  shift(): Entry {
    const bytes = this.#bytes;
    const from = this.#read + HEADER_BYTES;
    const flags = bytes[this.#read];
    const to = from + (bytes[this.#read + 1] << 8) + bytes[this.#read + 2];
    this.#read = to;
    return { source: bytes, isText: (flags & IS_TEXT) !== 0, ends: (flags & ENDS) !== 0, from, to };
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.min(MOST_BYTES, Math.max(length, this.#bytes.byteLength * 2)));
    larger.set(this.#bytes.subarray(0, this.#written));
    this.#bytes = larger;
  }
}

/** Where a part is, and what it is. */
export type Entry = Pick<Part, "source" | "isText" | "ends" | "from" | "to">;
