/**
 * What waits until the network takes what was written before it.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";
import type { Part } from "../../core/message.ts";
import { HEADER_BYTES, writeHeader } from "../../websocket/encode.ts";
import type { Releasable } from "../transport.ts";
import type { BufferPool, PooledBuffer } from "./buffer_pool.ts";

/** What one call of the system writes, and the buffer that it stands in, if that is to be released. */
export interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly buffer: Releasable | undefined;
}

/**
 * Small writes are copied together: they go out in one call, and hold no buffer that they fill a part of. So whatever
 * waits takes at most four times its bytes, or a medium buffer.
 */
export class WriteQueue {
  readonly #pool: BufferPool;
  readonly #pieces: Piece[] = [];
  /** The last piece, while more fits into it. */
  #gathered: Gathered | undefined;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#gathered === undefined;
  }

  push(bytes: Uint8Array<ArrayBuffer>, buffer: Releasable | undefined): void {
    if (bytes.byteLength > Math.max(bytes.buffer.byteLength, LIMITS.readBytes.large) / 2) {
      this.#seal();
      this.#pieces.push({ bytes, buffer });
    } else {
      this.#append(bytes);
      buffer?.release();
    }
  }

  /** Adds a copy of a part of a message, as a frame; says how many bytes it has. */
  pushFrame(part: Part): number {
    const room = this.#roomFor(HEADER_BYTES);
    const start = room.length;
    room.length = writeHeader(room.buffer.bytes, start, part);
    const headerBytes = room.length - start;
    this.#append(part.bytes);
    return headerBytes + part.byteLength;
  }

  shift(): Piece | undefined {
    if (this.#pieces.length === 0) this.#seal();
    return this.#pieces.shift();
  }

  /** Adds a copy. */
  #append(bytes: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < bytes.byteLength;) at += this.#copy(at === 0 ? bytes : bytes.subarray(at));
  }

  /** Copies as much as fits; says how much that is. */
  #copy(bytes: Uint8Array<ArrayBuffer>): number {
    const room = this.#roomFor(bytes.byteLength);
    const count = Math.min(bytes.byteLength, room.buffer.bytes.byteLength - room.length);
    room.buffer.bytes.set(count === bytes.byteLength ? bytes : bytes.subarray(0, count), room.length);
    room.length += count;
    return count;
  }

  /** Where so many bytes fit, or else the most that do: at least the longest header. */
  #roomFor(bytes: number): Gathered {
    const gathered = this.#gathered ??= { buffer: this.#pool.acquire("medium"), length: 0 };
    if (gathered.length + bytes <= gathered.buffer.bytes.byteLength) return gathered;
    if (gathered.buffer.bytes.byteLength === LIMITS.readBytes.medium) return this.#grow(gathered);
    if (gathered.length + HEADER_BYTES <= gathered.buffer.bytes.byteLength) return gathered;
    this.#seal();
    return this.#roomFor(bytes);
  }

  #grow(gathered: Gathered): Gathered {
    const { buffer, length } = gathered;
    gathered.buffer = this.#pool.acquire("large");
    gathered.buffer.bytes.set(buffer.bytes.subarray(0, length));
    buffer.release();
    return gathered;
  }

  #seal(): void {
    if (this.#gathered === undefined) return;
    const { length } = this.#gathered;
    const buffer = this.#gathered.buffer.fitting(length);
    this.#pieces.push({ bytes: buffer.bytes.subarray(0, length), buffer });
    this.#gathered = undefined;
  }
}

/** Writes that were copied together, at the start of a buffer. */
interface Gathered {
  buffer: PooledBuffer;
  length: number;
}
