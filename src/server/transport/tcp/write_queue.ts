/**
 * What waits until the network takes what was written before it.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";
import type { LentMemory, MemoryPool } from "./buffer_pool.ts";
import type { Loan } from "../transport.ts";

/** What one call of the system writes. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly loan: Loan | undefined;
}

/**
 * Small writes are copied together: they go out in one call, and keep no memory that they fill a part of. So whatever
 * waits takes at most four times its bytes.
 */
export class WriteQueue {
  readonly #pool: MemoryPool;
  readonly #pieces: Piece[] = [];
  /** The last piece, while more fits into it. */
  #gathered: { memory: LentMemory; length: number } | undefined;

  constructor(pool: MemoryPool) {
    this.#pool = pool;
  }

  push(bytes: Uint8Array<ArrayBuffer>, loan: Loan | undefined): void {
    if (bytes.byteLength > Math.max(bytes.buffer.byteLength, LIMITS.readBytes.large) / 2) {
      this.#seal();
      this.#pieces.push({ bytes, loan });
    } else {
      for (let at = 0; at < bytes.byteLength;) at += this.#gather(bytes, at);
      loan?.giveBack();
    }
  }

  shift(): Piece | undefined {
    if (this.#pieces.length === 0) this.#seal();
    return this.#pieces.shift();
  }

  /** Copies as much as fits. */
  #gather(bytes: Uint8Array<ArrayBuffer>, at: number): number {
    const gathered = this.#gathered ??= { memory: this.#pool.lend("large"), length: 0 };
    const { memory: { bytes: memory } } = gathered;
    const count = Math.min(bytes.byteLength - at, memory.byteLength - gathered.length);
    memory.set(bytes.subarray(at, at + count), gathered.length);
    gathered.length += count;
    if (gathered.length === memory.byteLength) this.#seal();
    return count;
  }

  #seal(): void {
    if (this.#gathered === undefined) return;
    const { memory, length } = this.#gathered;
    this.#pieces.push({ bytes: memory.bytes.subarray(0, length), loan: memory });
    this.#gathered = undefined;
  }
}
