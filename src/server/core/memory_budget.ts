/**
 * What all holds, pairs and introductions make the relay keep in memory, and the bound on that sum.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { LIMITS } from "./limits.ts";

/** Something that keeps bytes for a receiver. */
export interface BudgetHolder {
  /** Bytes kept right now. */
  measure(): number;
  /** Gives up what can be given up, because the relay is out of buffer space. Its share stays until it is gone. */
  evict(): void;
  /** It keeps for several: evicting gives up one of them, and it may be evicted again. */
  readonly isGroup?: boolean;
}

/** Where holders say what they keep. */
export interface Budget {
  open(holder: BudgetHolder): Share;
}

/** What adds up shares. */
interface Sum {
  set(share: Share, bytes: number): void;
  close(share: Share): void;
}

/** One holder's part of the sum. A relay has tens of thousands: no closures. */
export class Share {
  bytes = 0;
  isEvicted = false;
  isClosed = false;

  constructor(readonly holder: BudgetHolder, readonly sum: Sum) {}

  /** Says how many bytes the holder keeps. May evict, also this very holder. */
  set(bytes: number): void {
    this.sum.set(this, bytes);
  }

  /** The holder keeps nothing any more; only the first call counts. */
  close(): void {
    this.sum.close(this);
  }
}

/**
 * Adds up what is kept. Past the limit the largest holders are evicted, and never one that keeps less than its fair
 * share of the limit: when the sum is over, somebody keeps more.
 *
 * What evicted holders keep until they are gone is not held against the others: else a few readers that never hang up
 * could close every other pair. The watchdog sees it.
 */
export class MemoryBudget implements Budget, Sum {
  readonly #shares = new Set<Share>();
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

  open(holder: BudgetHolder): Share {
    const share = new Share(holder, this);
    this.#shares.add(share);
    return share;
  }

  /** {@link Share.set} */
  set(share: Share, bytes: number): void {
    if (share.isClosed) return;
    this.#total += bytes - share.bytes;
    share.bytes = bytes;
    if (this.#total > this.#limit && bytes > this.#fairShare() && this.#measureAll()) this.#evictLargest();
  }

  /** {@link Share.close} */
  close(share: Share): void {
    share.isClosed = true;
    if (this.#shares.delete(share)) this.#total -= share.bytes;
  }

  #fairShare(): number {
    return this.#limit / this.#shares.size;
  }

  /** Measures, if that is due; says whether it was. */
  #measureAll(): boolean {
    if (this.#clock.now() - this.#measuredAt < LIMITS.measureEveryMs) return false;
    this.#measuredAt = this.#clock.now();
    this.#total = 0;
    for (const share of this.#shares) {
      share.bytes = share.holder.measure();
      this.#total += share.bytes;
    }
    return true;
  }

  #evictLargest(): void {
    const shares = [...this.#shares].filter(({ isEvicted }) => !isEvicted).sort((a, b) => b.bytes - a.bytes);
    let kept = shares.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const share of shares) {
      if (kept <= this.#limit || share.bytes <= this.#fairShare()) return;
      kept -= share.bytes;
      share.isEvicted = share.holder.isGroup !== true;
      share.holder.evict();
    }
  }
}

/** Holders that count as one, because one peer is behind them all. */
export class BudgetGroup implements Budget, Sum, BudgetHolder {
  readonly isGroup = true;
  readonly #shares = new Set<Share>();
  readonly #share: Share;
  #total = 0;

  constructor(budget: Budget) {
    this.#share = budget.open(this);
  }

  open(holder: BudgetHolder): Share {
    const share = new Share(holder, this);
    this.#shares.add(share);
    return share;
  }

  set(share: Share, bytes: number): void {
    if (bytes === share.bytes || share.isClosed) return;
    this.#total += bytes - share.bytes;
    share.bytes = bytes;
    this.#share.set(this.#total);
  }

  close(share: Share): void {
    share.isClosed = true;
    if (!this.#shares.delete(share)) return;
    this.#total -= share.bytes;
    this.#share.set(this.#total);
  }

  measure(): number {
    this.#total = 0;
    for (const share of this.#shares) {
      share.bytes = share.holder.measure();
      this.#total += share.bytes;
    }
    return this.#total;
  }

  /** Gives up what is largest among what was not given up yet. */
  evict(): void {
    let largest: Share | undefined;
    for (const share of this.#shares) {
      if (!share.isEvicted && share.bytes > (largest?.bytes ?? 0)) largest = share;
    }
    if (largest === undefined) return;
    largest.isEvicted = true;
    largest.holder.evict();
  }

  /** The peer is gone, with all that was kept for it. */
  end(): void {
    for (const share of this.#shares) share.isClosed = true;
    this.#shares.clear();
    this.#share.close();
  }
}
