/** Payloads are unmasked where they are moved to, whatever their length and wherever they stand. */

import { assertEquals } from "@std/assert";
import { FrameBuffer } from "../../src/server/websocket/unmask.ts";

const KEY = [0x12, 0xfe, 0x80, 0xc7];
const LENGTHS = [0, 1, 3, 4, 31, 32, 63, 64, 125, 511, 512, 513, 543, 544, 545, 4_000];
/** How far a payload moves down: within a chunk, behind a dropped mask, and behind a dropped control frame. */
const DISTANCES = [0, 4, 8, 3, 9, 14];

Deno.test("every payload is unmasked, moved to its place, and nothing else is touched", () => {
  for (const length of LENGTHS) {
    for (const distance of DISTANCES) {
      for (let to = 0; to < 9; to++) assertUnmasked(length, to + distance, to);
    }
  }
});

Deno.test("a payload that comes in pieces goes on with the key that the last piece has left", () => {
  for (const cut of [1, 2, 3, 513, 1_023, 1_022]) {
    const buffer = masked(2_000, 0);
    const key = buffer.unmask(0, 0, cut, keyOf(KEY));
    buffer.unmask(cut, cut, 2_000, key);
    assertEquals(buffer.bytes.subarray(0, 2_000), payload(2_000));
  }
});

function assertUnmasked(length: number, from: number, to: number): void {
  const buffer = masked(length, from);
  const before = buffer.bytes.slice();
  const key = buffer.unmask(from, to, to + length, keyOf(KEY));
  const what = `${length} bytes, from ${from} to ${to}`;
  assertEquals(buffer.bytes.subarray(to, to + length), payload(length), what);
  assertEquals(buffer.bytes.subarray(0, to), before.subarray(0, to), what);
  assertEquals(buffer.bytes.subarray(from + length), before.subarray(from + length), what);
  assertEquals(key & 0xff, KEY[length % 4], what);
}

/** A masked payload at `from`, among other bytes. */
function masked(length: number, from: number): FrameBuffer {
  const buffer = new FrameBuffer(new ArrayBuffer(from + length + 50));
  buffer.bytes.fill(0xaa);
  payload(length).forEach((byte, i) => buffer.bytes[from + i] = byte ^ KEY[i % 4]);
  return buffer;
}

function payload(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7);
}

/** As {@link FrameBuffer.keyAt} reads it. */
function keyOf(key: readonly number[]): number {
  const buffer = new FrameBuffer(new ArrayBuffer(4));
  buffer.bytes.set(key);
  return buffer.keyAt(0);
}
