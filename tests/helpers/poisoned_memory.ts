/**
 * For a relay under test, by `--preload`: memory is overwritten as it goes back to its pool, so that whoever still reads
 * it is found out by the next check of bytes; and to give it back twice ends the relay.
 *
 * @module
 */

import { BufferPool, PooledBuffer } from "../../src/server/transport/tcp/buffer_pool.ts";

const POISON = 0xdd;
/** As of a program that found a fault in itself. */
const EXIT_CODE = 70;

const free = new WeakSet<PooledBuffer>();
const { acquire } = BufferPool.prototype;
const { release } = PooledBuffer.prototype;

BufferPool.prototype.acquire = function (size) {
  const buffer = acquire.call(this, size);
  free.delete(buffer);
  return buffer;
};

PooledBuffer.prototype.release = function () {
  if (free.has(this)) {
    console.error(new Error("Cannot release a buffer: want one that is in use, got one that is free"));
    Deno.exit(EXIT_CODE);
  }
  free.add(this);
  this.bytes.fill(POISON);
  release.call(this);
};
