/** What waits for the network goes out whole, in order, and in few pieces. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { BufferPool } from "../../../src/server/transport/tcp/buffer_pool.ts";
import { Part } from "../../../src/server/core/message.ts";
import { MessageReader } from "../../../src/server/websocket/message_reader.ts";
import { concat } from "../../helpers/frames.ts";
import { WriteQueue } from "../../../src/server/transport/tcp/write_queue.ts";

const { large, huge } = LIMITS.readBytes;

/** A write of so many bytes at the start of a buffer of this size, and how often that was released. */
function write(length: number, bufferBytes: number, fill: number) {
  const bytes = new Uint8Array(bufferBytes).subarray(0, length).fill(fill);
  const buffer = { returns: 0, release: () => void buffer.returns++ };
  return { bytes, buffer };
}

function taken(queue: WriteQueue): { bytes: number[]; pieces: number; memory: number } {
  const result = { bytes: [] as number[], pieces: 0, memory: 0 };
  for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
    result.bytes.push(...piece.bytes);
    result.pieces++;
    result.memory += piece.bytes.buffer.byteLength;
    piece.buffer?.release();
  }
  return result;
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(large / 2, large / 2 + 1, large, large + 1));

Deno.test("what was pushed comes out as it was, and every buffer is released once", () => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 8 }), fc.constantFrom(1, 2, 5), (lengths, spread) => {
      const queue = new WriteQueue(new BufferPool());
      const writes = lengths.map((length, i) => write(length, length * spread, i));
      for (const { bytes, buffer } of writes) queue.push(bytes, buffer);
      const expected = lengths.flatMap((length, i) => Array(length).fill(i));
      assertEquals(taken(queue).bytes, expected);
      assertEquals(writes.map(({ buffer }) => buffer.returns), writes.map(() => 1));
    }),
    { numRuns: 30 },
  );
});

Deno.test("a thousand small writes are one piece, and none of their buffers is kept", () => {
  const queue = new WriteQueue(new BufferPool());
  const writes = Array.from({ length: 1_000 }, () => write(60, LIMITS.readBytes.medium, 1));
  for (const { bytes, buffer } of writes) queue.push(bytes, buffer);
  assertEquals(writes.every(({ buffer }) => buffer.returns === 1), true);
  assertEquals(taken(queue).pieces, 1);
});

Deno.test("whatever waits takes at most four times its bytes, and one large piece", () => {
  fc.assert(
    fc.property(fc.array(sizes, { minLength: 1, maxLength: 30 }), (lengths) => {
      const queue = new WriteQueue(new BufferPool());
      for (const length of lengths) queue.push(write(length, huge, 1).bytes, undefined);
      const sum = lengths.reduce((a, b) => a + b, 0);
      assertEquals(taken(queue).memory <= 4 * sum + large, true);
    }),
    { numRuns: 50 },
  );
});

Deno.test("what is pushed after a shift is not lost, nor mixed up with what came before", () => {
  const queue = new WriteQueue(new BufferPool());
  queue.push(write(3, 3, 1).bytes, undefined);
  assertEquals([...queue.shift()!.bytes], [1, 1, 1]);
  queue.push(write(2, 2, 2).bytes, undefined);
  queue.push(write(large, large, 3).bytes, undefined);
  queue.push(write(1, 1, 4).bytes, undefined);
  assertEquals(taken(queue).bytes, [2, 2, ...Array(large).fill(3), 4]);
});

Deno.test("frames among other writes are read as the messages that they were, and what they were copied from is free", () => {
  const frame = fc.record({ length: fc.oneof(fc.nat(300), fc.constantFrom(4_086, 65_535, 65_536, large - 10, huge)) });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), (frames) => {
      const queue = new WriteQueue(new BufferPool());
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let pushed = 0;
      for (const [i, { length }] of frames.entries()) {
        const lent = new Uint8Array(length + 2).fill(i);
        pushed += queue.pushFrame(new Part(lent, false, true, true, 1, 1 + length));
        lent.fill(0xee);
        if (i % 4 === 3) pieces.push(queue.shift()!.bytes.slice());
      }
      for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) pieces.push(piece.bytes.slice());
      const bytes = concat(pieces);
      assertEquals([bytes.byteLength, queue.isEmpty], [pushed, true]);
      const messages = new MessageReader().read(bytes);
      assertEquals(messages.map(String), frames.map(({ length }, i) => String(new Uint8Array(length).fill(i))));
    }),
    { numRuns: 30 },
  );
});
