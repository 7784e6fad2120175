/**
 * What all holds, pairs and introductions make the relay keep in memory, and the bound on that sum.
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
  isEvicted: boolean;
}

/**
 * Adds up what is kept. Past the limit the largest holders are evicted, and never one that keeps less than its fair
 * share of the limit: when the sum is over, somebody keeps more.
 *
 * What evicted holders keep until they are gone is not held against the others: else a few readers that never hang up
 * could close every other pair. The watchdog sees it.
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

  /** Bytes kept, also by those who were evicted; not older than {@link LIMITS.measureEveryMs}. */
  get total(): number {
    this.#measureAll();
    return this.#total;
  }

  open(holder: BufferHolder): Share {
    const entry: Entry = { holder, bytes: 0, isEvicted: false };
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
    if (this.#total > this.#limit && bytes > this.#fairShare() && this.#measureAll()) this.#evictLargest();
  }

  #fairShare(): number {
    return this.#limit / this.#entries.size;
  }

  /** Measures, if that is due; says whether it was. */
  #measureAll(): boolean {
    if (this.#clock.now() - this.#measuredAt < LIMITS.measureEveryMs) return false;
    this.#measuredAt = this.#clock.now();
    this.#total = 0;
    for (const entry of this.#entries) {
      entry.bytes = entry.holder.measure();
      this.#total += entry.bytes;
    }
    return true;
  }

  #evictLargest(): void {
    const holders = [...this.#entries].filter(({ isEvicted }) => !isEvicted).sort((a, b) => b.bytes - a.bytes);
    let kept = holders.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const entry of holders) {
      if (kept <= this.#limit || entry.bytes <= this.#fairShare()) return;
      kept -= entry.bytes;
      entry.isEvicted = true;
      entry.holder.evict();
    }
  }
}
