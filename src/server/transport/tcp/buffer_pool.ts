/**
 * Buffers that are read into, and used again. A runtime that allocates a new one for every read costs every message a
 * quarter of its way through the relay, and the garbage collector hundreds of megabytes.
 *
 * @module
 */

import { FrameBuffer } from "../../websocket/unmask.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Releasable } from "../transport.ts";

/** How much is read at once. */
export type ReadSize = keyof typeof LIMITS.readBytes;

/** The buffers of one transport. */
export class BufferPool {
  readonly #free: Record<ReadSize, PooledBuffer[]> = { small: [], medium: [], large: [], huge: [] };

  acquire(size: ReadSize): PooledBuffer {
    return this.#free[size].pop() ?? new PooledBuffer(LIMITS.readBytes[size], this.#free[size]);
  }
}

/** What one read has filled. It belongs to one owner at a time, and the last one releases it. */
export class ChunkBuffer extends FrameBuffer implements Releasable {
  static copyOf(bytes: Uint8Array): ChunkBuffer {
    return new ChunkBuffer(new Uint8Array(bytes).buffer);
  }

  release(): void {
    // At once: the collector would come late, and find hundreds of megabytes.
    this.bytes.buffer.transfer(0);
  }
}

/** A buffer that goes back to its pool. */
export class PooledBuffer extends ChunkBuffer {
  readonly #free: PooledBuffer[];

  constructor(size: number, free: PooledBuffer[]) {
    super(new ArrayBuffer(size));
    this.#free = free;
  }

  override release(): void {
    if (this.#free.length * this.bytes.length < LIMITS.freeBytes) this.#free.push(this);
    else super.release();
  }

  /** This buffer, or a copy of its start: a slow receiver shall keep at most four times what it is to get. */
  fitting(length: number): ChunkBuffer {
    if (this.bytes.length <= LIMITS.readBytes.medium || length > this.bytes.length / 4) return this;
    const copy = ChunkBuffer.copyOf(this.bytes.subarray(0, length));
    this.release();
    return copy;
  }
}
