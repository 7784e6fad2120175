/**
 * The memory budget: all bytes that the relay keeps for its peers, and the bound on their sum.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";
import { LIMITS } from "./limits.ts";

/** Keeps bytes for a receiver. */
export interface BudgetHolder {
  /** Bytes kept right now. */
  measure(): number;
  /**
   * Frees what it can, because the relay is out of buffer space. Its share stays open until it is gone.
   *
   * @param bytes What a group has to free, and may free a little more of.
   */
  evict(bytes: number): void;
  /** It stands for several holders: evicting it evicts some of them, and it may be evicted again. */
  readonly isGroup?: boolean;
  /** To evict it is to end all others of its group: they go first. */
  readonly endsGroup?: boolean;
}

/** Where holders open their shares. */
export interface Budget {
  open(holder: BudgetHolder): Share;
}

/** Adds up shares. */
interface Sum {
  set(share: Share, bytes: number): void;
  close(share: Share): void;
}

/** The bytes of one holder. A relay has tens of thousands of shares, so they have no closures. */
export class Share {
  bytes = 0;
  isEvicted = false;
  isClosed = false;

  constructor(readonly holder: BudgetHolder, readonly sum: Sum) {}

  /** Updates how many bytes the holder keeps. May evict holders, this one included. */
  set(bytes: number): void {
    this.sum.set(this, bytes);
  }

  /** The holder keeps nothing any more. Only the first call counts. */
  close(): void {
    this.sum.close(this);
  }
}

/**
 * Past the limit it evicts the largest holders, but never one that keeps less than its fair share of the limit: when
 * the sum is over the limit, another holder keeps more.
 *
 * What evicted holders keep until they are gone does not count against the others: otherwise a few readers that never
 * hang up could close all other pairs. The watchdog sees it.
 */
export class MemoryBudget implements Budget, Sum {
  readonly #shares = new Set<Share>();
  readonly #limit: number;
  readonly #clock: Clock;
  #total = 0;
  #measuredAt = -Infinity;
  #eviction: Timer | undefined;

  /** @param limit Bytes in all. */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Bytes of all holders, with those that were evicted; at most {@link LIMITS.measureEveryMs} old. */
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
    if (this.#total > this.#limit && bytes > this.#fairShare()) this.#bound();
  }

  /** {@link Share.close} */
  close(share: Share): void {
    share.isClosed = true;
    if (this.#shares.delete(share)) this.#total -= share.bytes;
    if (this.#total <= this.#limit) this.#cancelEviction();
  }

  /** Once, when it is measured again: all who send may be paused by then, and no share grows any more. */
  #bound(): void {
    if (this.#measureAll()) return this.#evictLargest();
    this.#eviction ??= this.#clock.after(LIMITS.measureEveryMs, () => this.#evictLate());
  }

  #evictLate(): void {
    this.#cancelEviction();
    this.#measure();
    this.#evictLargest();
  }

  #cancelEviction(): void {
    this.#eviction?.cancel();
    this.#eviction = undefined;
  }

  #fairShare(): number {
    return this.#limit / this.#shares.size;
  }

  /** Measures all holders, if that is due; says whether it was. */
  #measureAll(): boolean {
    if (this.#clock.now() - this.#measuredAt < LIMITS.measureEveryMs) return false;
    this.#measure();
    return true;
  }

  #measure(): void {
    this.#measuredAt = this.#clock.now();
    this.#total = measured(this.#shares);
  }

  #evictLargest(): void {
    const shares = evictable(this.#shares);
    let kept = shares.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const share of shares) {
      const [excess, unfair] = [kept - this.#limit, share.bytes - this.#fairShare()];
      if (excess <= 0 || unfair <= 0) return;
      const isGroup = share.holder.isGroup === true;
      const due = isGroup ? Math.min(excess, unfair) : share.bytes;
      kept -= due;
      share.isEvicted = !isGroup;
      share.holder.evict(due);
    }
  }
}

/** Holders that count as one, because they belong to one peer. */
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
    // What waits in streams is small and changes with every message: in steps, of all of them together.
    const isDue = this.#total === 0 || Math.abs(this.#total - this.#share.bytes) >= LIMITS.budgetStepBytes;
    if (isDue) this.#share.set(this.#total);
  }

  close(share: Share): void {
    share.isClosed = true;
    if (!this.#shares.delete(share)) return;
    this.#total -= share.bytes;
    this.#share.set(this.#total);
  }

  measure(): number {
    return this.#total = measured(this.#shares);
  }

  /** Evicts the largest holders that were not evicted yet: many small ones may come faster than one a measurement. */
  evict(bytes: number): void {
    const shares = evictable(this.#shares).sort(byEndOfGroup);
    let due = bytes;
    for (const share of shares) {
      if (due <= 0) return;
      // The peer may be gone with one before.
      if (share.isClosed || share.bytes === 0) continue;
      due -= share.bytes;
      share.isEvicted = true;
      share.holder.evict(share.bytes);
    }
  }

  /** The peer is gone, and all that was kept for it. */
  end(): void {
    for (const share of this.#shares) share.isClosed = true;
    this.#shares.clear();
    this.#share.close();
  }
}

/** Those that were not evicted yet, the largest first. */
function evictable(shares: Iterable<Share>): Share[] {
  return [...shares].filter(({ isEvicted }) => !isEvicted).sort((a, b) => b.bytes - a.bytes);
}

function byEndOfGroup(a: Share, b: Share): number {
  return Number(a.holder.endsGroup ?? false) - Number(b.holder.endsGroup ?? false);
}

/** Measures all holders; returns the bytes of all. */
function measured(shares: Iterable<Share>): number {
  let total = 0;
  for (const share of shares) total += share.bytes = share.holder.measure();
  return total;
}
