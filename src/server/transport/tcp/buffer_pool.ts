/**
 * Memory that is read into, and used again. A runtime that takes new memory for every read costs every message a
 * quarter of its way through the relay, and the collector hundreds of megabytes.
 *
 * @module
 */

import { Memory } from "../../websocket/unmask.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Loan } from "../transport.ts";

/** How much is read at once. */
export type ReadSize = keyof typeof LIMITS.readBytes;

/** The memory of one transport. */
export class MemoryPool {
  readonly #free: Record<ReadSize, LentMemory[]> = { small: [], medium: [], large: [], huge: [] };

  lend(size: ReadSize): LentMemory {
    return this.#free[size].pop() ?? new LentMemory(LIMITS.readBytes[size], this.#free[size]);
  }
}

/** Memory that a chunk was read into, its first reader's, and then whoever's it is passed on to. Given back, it is freed. */
export class ChunkMemory extends Memory implements Loan {
  static copyOf(bytes: Uint8Array): ChunkMemory {
    return new ChunkMemory(new Uint8Array(bytes).buffer);
  }

  giveBack(): void {
    // At once: the collector would come late, and find hundreds of megabytes.
    this.bytes.buffer.transfer(0);
  }
}

/** A piece of a pool. */
export class LentMemory extends ChunkMemory {
  readonly #free: LentMemory[];

  constructor(size: number, free: LentMemory[]) {
    super(new ArrayBuffer(size));
    this.#free = free;
  }

  override giveBack(): void {
    if (this.#free.length * this.bytes.length < LIMITS.freeBytes) this.#free.push(this);
    else super.giveBack();
  }

  /** The same, or a copy of its start, so that nobody who is slow keeps more than four times what he is to get. */
  fitting(length: number): ChunkMemory {
    if (this.bytes.length <= LIMITS.readBytes.medium || length > this.bytes.length / 4) return this;
    const copy = ChunkMemory.copyOf(this.bytes.subarray(0, length));
    this.giveBack();
    return copy;
  }
}
