/** Memory that is read into is used again, and not kept without bound. */

import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { MemoryPool } from "../../../src/server/transport/tcp/buffer_pool.ts";

Deno.test("what is given back is lent again, to one at a time", () => {
  const pool = new MemoryPool();
  const first = pool.lend("small");
  first.giveBack();
  const second = pool.lend("small");
  assertStrictEquals(second, first);
  assertNotStrictEquals(pool.lend("small"), second);
});

Deno.test("what is more than a turn needs is freed at once", () => {
  const pool = new MemoryPool();
  const pieces = Array.from(
    { length: Math.ceil(LIMITS.freeBytes / LIMITS.readBytes.huge) + 5 },
    () => pool.lend("huge"),
  );
  for (const piece of pieces) piece.giveBack();
  const kept = pieces.reduce((sum, { bytes }) => sum + bytes.buffer.byteLength, 0);
  assertEquals(kept >= LIMITS.freeBytes && kept < LIMITS.freeBytes + LIMITS.readBytes.huge, true);
});

Deno.test("a little at the start of much memory is copied, and the memory given back", () => {
  const pool = new MemoryPool();
  const memory = pool.lend("large");
  memory.bytes.fill(7, 0, 100);
  const fitting = memory.fitting(100);
  assertEquals([...fitting.bytes], Array(100).fill(7));
  assertStrictEquals(pool.lend("large"), memory);
  assertStrictEquals(memory.fitting(LIMITS.readBytes.large / 2), memory);
});
