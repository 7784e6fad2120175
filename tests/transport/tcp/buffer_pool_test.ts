/** Buffers that are read into are used again, and not kept without bound. */

import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { BufferPool } from "../../../src/server/transport/tcp/buffer_pool.ts";

Deno.test("a released buffer is acquired again, by one at a time", () => {
  const pool = new BufferPool();
  const first = pool.acquire("small");
  first.release();
  const second = pool.acquire("small");
  assertStrictEquals(second, first);
  assertNotStrictEquals(pool.acquire("small"), second);
});

Deno.test("what is more than a turn needs is freed at once", () => {
  const pool = new BufferPool();
  const pieces = Array.from(
    { length: Math.ceil(LIMITS.freeBytes / LIMITS.readBytes.huge) + 5 },
    () => pool.acquire("huge"),
  );
  for (const piece of pieces) piece.release();
  const kept = pieces.reduce((sum, { bytes }) => sum + bytes.buffer.byteLength, 0);
  assertEquals(kept >= LIMITS.freeBytes && kept < LIMITS.freeBytes + LIMITS.readBytes.huge, true);
});

Deno.test("a little at the start of a large buffer is copied, and the buffer released", () => {
  const pool = new BufferPool();
  const buffer = pool.acquire("large");
  buffer.bytes.fill(7, 0, 100);
  const fitting = buffer.fitting(100);
  assertEquals([...fitting.bytes], Array(100).fill(7));
  assertStrictEquals(pool.acquire("large"), buffer);
  assertStrictEquals(buffer.fitting(LIMITS.readBytes.large / 2), buffer);
});
