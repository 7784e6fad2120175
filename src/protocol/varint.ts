/**
 * Unsigned LEB128 of at most 32 bits: seven bits a byte, the lowest first; the high bit says that another byte follows.
 *
 * @module
 */

import { Violation } from "./violation.ts";

/** Bytes that a number takes. @param value An integer from 0 to 2^32-1. */
export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Writes a number at an offset; gives the offset behind it. @param value An integer from 0 to 2^32-1. */
export function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    bytes[offset++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[offset] = rest;
  return offset + 1;
}

/** Reads numbers, one after the other. */
export class VarintReader {
  constructor(readonly bytes: Uint8Array, public offset: number, readonly end: number) {}

  /** Throws a {@link Violation} for a number that is cut off, longer than it must be, or beyond 32 bits. */
  next(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let factor = 0x80;; factor *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (value > 0xffff_ffff || factor > 0x1000_0000) throw new Violation("number is beyond 32 bits");
      if (byte === 0) throw new Violation("number is longer than it must be");
      if (byte < 0x80) return value;
    }
  }

  #byte(): number {
    if (this.offset >= this.end) throw new Violation("record is cut off");
    return this.bytes[this.offset++];
  }
}
