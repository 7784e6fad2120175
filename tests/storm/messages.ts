/**
 * Messages whose every byte is known without being kept: each says whose it is, in which direction and as which one, and
 * goes on with a part of a block that all share.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Chance } from "../soak/chance.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The largest message. */
export const LARGEST = 8 * MIB;
/** A part of the block begins at a multiple of this, where a character begins. */
const CELL_BYTES = 8;
/** Places where a part may begin. */
const PLACES = 8 * KIB;

/** Where a length, a buffer or a record changes its kind, in a message or in a frame with its header. */
const EDGES: Record<"small" | "medium" | "large" | "huge", readonly number[]> = {
  small: [0, 1, 125, 126, 256, 512],
  medium: [4 * KIB, 16 * KIB, 32 * KIB, 65_535, 65_536, 66 * KIB],
  large: [128 * KIB, 256 * KIB, 528 * KIB, MIB],
  huge: [2 * MIB, 4 * MIB, LARGEST],
};
/** How often a message is near such an edge, or anywhere below it. */
const WEIGHTS = {
  usual: { small: 600, medium: 360, large: 38, huge: 2 },
  chatter: { small: 1_000, medium: 2, large: 0, huge: 0 },
  bulk: { small: 200, medium: 300, large: 480, huge: 20 },
};
/** How far from it: a header, mask and all, has at most 14 bytes. */
const NEAR = 16;

/** What a direction mostly has: messages of all sizes, small ones, or large ones, so that its reader's rest is felt by its sender. */
export type Load = keyof typeof WEIGHTS;

/** Of the messages that would be empty, one of so many is: who sends too many of them in a second is closed. */
const EMPTY = 16;

/** Bytes of a message: most are around an edge. */
export function sizeOf(chance: Chance, load: Load): number {
  const edge = chance.pick(EDGES[chance.weighted(WEIGHTS[load])]);
  const size = chance.below(4) === 0 ? chance.below(edge + 1) : edge + chance.below(2 * NEAR + 1) - NEAR;
  const least = chance.below(EMPTY) === 0 ? 0 : 1;
  return Math.max(least, Math.min(size, LARGEST));
}

/** What messages are made of: noise, and text with characters of one to four bytes. */
export class Material {
  readonly #noise = noise();
  readonly #text = text();

  /** Makes the message that says `stamp` first, as far as it has room. */
  message(stamp: string, chance: Chance, load: Load): Message {
    const isText = chance.below(2) === 0;
    const size = sizeOf(chance, load);
    const head = Buffer.from(stamp).subarray(0, size);
    const start = chance.below(PLACES) * CELL_BYTES;
    const length = Math.floor((size - head.length) / CELL_BYTES) * CELL_BYTES;
    const rest = Buffer.alloc(size - head.length - length, ".");
    return new Message(isText, [head, (isText ? this.#text : this.#noise).subarray(start, start + length), rest]);
  }
}

/** One message: text or not, and its bytes in parts. */
export class Message {
  readonly length: number;

  constructor(readonly isText: boolean, readonly parts: readonly Uint8Array[]) {
    this.length = parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether `bytes` are those that begin at this place. */
  has(bytes: Buffer, at: number): boolean {
    let [start, compared] = [0, 0];
    for (const part of this.parts) {
      const from = Math.max(at + compared - start, 0);
      const piece = part.subarray(from, from + bytes.length - compared);
      if (piece.length > 0 && bytes.compare(piece, 0, piece.length, compared, compared + piece.length) !== 0) {
        return false;
      }
      compared += from < part.length ? piece.length : 0;
      start += part.length;
    }
    return compared === bytes.length;
  }

  /** The bytes from one place to another. */
  copyTo(target: Uint8Array, from: number, to: number): void {
    let start = 0;
    for (const part of this.parts) {
      const piece = part.subarray(Math.max(from - start, 0), Math.max(to - start, 0));
      if (piece.length > 0) target.set(piece, Math.max(start - from, 0));
      start += part.length;
    }
  }
}

function noise(): Uint8Array {
  const bytes = new Uint8Array(LARGEST + PLACES * CELL_BYTES);
  for (let at = 0; at < bytes.length; at += 64 * KIB) crypto.getRandomValues(bytes.subarray(at, at + 64 * KIB));
  return bytes;
}

function text(): Uint8Array {
  const cells = ["abcdefgh", "éééé", "€€é", "a😀€", "😀😀", "€a😀", "aé€é", "é😀é"]
    .map((cell) => new BigUint64Array(new TextEncoder().encode(cell).slice().buffer)[0]);
  const block = new BigUint64Array(noise().buffer);
  for (let at = 0; at < block.length; at++) block[at] = cells[Number(block[at] & 7n)];
  return new Uint8Array(block.buffer);
}
