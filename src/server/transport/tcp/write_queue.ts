/**
 * What waits until the network takes what was written before it.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";
import type { Releasable } from "../transport.ts";
import type { BufferPool, PooledBuffer } from "./buffer_pool.ts";

/** What one call of the system writes, and the buffer that it stands in, if that is to be released. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly buffer: Releasable | undefined;
}

/**
 * Small writes are copied together: they go out in one call, and hold no buffer that they fill a part of. So whatever
 * waits takes at most four times its bytes.
 */
export class WriteQueue {
  readonly #pool: BufferPool;
  readonly #pieces: Piece[] = [];
  /** The last piece, while more fits into it. */
  #gathered: { buffer: PooledBuffer; length: number } | undefined;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  push(bytes: Uint8Array<ArrayBuffer>, buffer: Releasable | undefined): void {
    if (bytes.byteLength > Math.max(bytes.buffer.byteLength, LIMITS.readBytes.large) / 2) {
      this.#seal();
      this.#pieces.push({ bytes, buffer });
    } else {
      for (let at = 0; at < bytes.byteLength;) at += this.#gather(bytes, at);
      buffer?.release();
    }
  }

  shift(): Piece | undefined {
    if (this.#pieces.length === 0) this.#seal();
    return this.#pieces.shift();
  }

  /** Copies as much as fits. */
  #gather(bytes: Uint8Array<ArrayBuffer>, at: number): number {
    const gathered = this.#gathered ??= { buffer: this.#pool.acquire("large"), length: 0 };
    const { buffer: { bytes: room } } = gathered;
    const count = Math.min(bytes.byteLength - at, room.byteLength - gathered.length);
    room.set(bytes.subarray(at, at + count), gathered.length);
    gathered.length += count;
    if (gathered.length === room.byteLength) this.#seal();
    return count;
  }

  #seal(): void {
    if (this.#gathered === undefined) return;
    const { buffer, length } = this.#gathered;
    this.#pieces.push({ bytes: buffer.bytes.subarray(0, length), buffer });
    this.#gathered = undefined;
  }
}
