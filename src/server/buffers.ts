/**
 * What all holds and pairs together make the relay keep in memory, and the bound on that sum.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { LIMITS } from "./limits.ts";

/** Something that keeps bytes for a receiver. */
export interface BufferHolder {
  /** Bytes kept right now. */
  measure(): number;
  /** Gives up what can be given up, because the relay is out of buffer space. Its share stays until it is gone. */
  evict(): void;
}

/** One holder's part of the sum. */
export interface Share {
  /** Says how many bytes the holder keeps. May evict, also this very holder. */
  set(bytes: number): void;
  /** The holder keeps nothing any more; only the first call counts. */
  close(): void;
}

interface Entry {
  readonly holder: BufferHolder;
  bytes: number;
  evicted: boolean;
}

/**
 * Adds up what is kept. Past the limit the largest holders are evicted.
 *
 * An evicted holder counts until it is gone, since its memory is; but nobody below {@link LIMITS.innocentBytes} pays
 * for it: else a few readers that never hang up could close every other pair.
 */
export class Buffers {
  readonly #entries = new Set<Entry>();
  readonly #limit: number;
  readonly #clock: Clock;
  #total = 0;
  #measuredAt = -Infinity;

  /** @param limit Bytes in all. */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Bytes kept, as far as known. */
  get total(): number {
    return this.#total;
  }

  /** Whether there is no room for more, measured anew if it seems so. */
  isFull(): boolean {
    if (this.#total > this.#limit) this.#measureAll();
    return this.#total > this.#limit;
  }

  open(holder: BufferHolder): Share {
    const entry: Entry = { holder, bytes: 0, evicted: false };
    this.#entries.add(entry);
    return {
      set: (bytes) => this.#set(entry, bytes),
      close: () => {
        if (this.#entries.delete(entry)) this.#total -= entry.bytes;
      },
    };
  }

  #set(entry: Entry, bytes: number): void {
    if (!this.#entries.has(entry)) return;
    this.#total += bytes - entry.bytes;
    entry.bytes = bytes;
    if (bytes > LIMITS.innocentBytes && this.isFull()) this.#evictLargest();
  }

  #measureAll(): void {
    if (this.#clock.now() - this.#measuredAt < LIMITS.measureEveryMs) return;
    this.#measuredAt = this.#clock.now();
    this.#total = 0;
    for (const entry of this.#entries) {
      entry.bytes = entry.holder.measure();
      this.#total += entry.bytes;
    }
  }

  #evictLargest(): void {
    const guilty = [...this.#entries].filter(({ bytes, evicted }) => bytes > LIMITS.innocentBytes && !evicted);
    guilty.sort((a, b) => b.bytes - a.bytes);
    let excess = this.#total - this.#limit;
    for (const entry of guilty) {
      if (excess <= 0) return;
      excess -= entry.bytes;
      entry.evicted = true;
      entry.holder.evict();
    }
  }
}
