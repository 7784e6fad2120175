/**
 * Deadlines that are equally far away.
 *
 * @module
 */

import { type Clock, hasStoodStill, type Timer } from "./clock.ts";

/** What happens to items that are not done in time. */
export interface DeadlinesOptions<T> {
  readonly clock: Clock;
  /** The time that each item has. */
  readonly ms: number;
  readonly expired: (item: T) => void;
}

/** Whoever starts first is due first, so one timer is enough: a timer for each would cost more than what it ends. */
export class Deadlines<T> {
  readonly #options: DeadlinesOptions<T>;
  /** When each item is due, the earliest first. */
  readonly #due = new Map<T, number>();
  #timer: Timer | undefined;
  /** When it looks again. */
  #lookAt = 0;

  constructor(options: DeadlinesOptions<T>) {
    this.#options = options;
  }

  /** The item has so much time from now on, whatever it had before. */
  start(item: T): void {
    const { clock, ms } = this.#options;
    this.#due.delete(item);
    this.#due.set(item, clock.now() + ms);
    if (this.#timer === undefined) this.#lookIn(ms);
  }

  /** The item is done. */
  stop(item: T): void {
    this.#due.delete(item);
  }

  /** Nothing expires any more. */
  close(): void {
    this.#timer?.cancel();
  }

  #lookIn(ms: number): void {
    this.#lookAt = this.#options.clock.now() + ms;
    this.#timer = this.#options.clock.after(ms, () => this.#look());
  }

  #look(): void {
    const { clock, expired } = this.#options;
    if (hasStoodStill(clock.now() - this.#lookAt)) return this.#startAgain();
    for (const [item, due] of this.#due) {
      const left = due - clock.now();
      if (left > 0) return this.#lookIn(left);
      this.#due.delete(item);
      expired(item);
    }
    this.#timer = undefined;
  }

  /** What came meanwhile has not been read yet: all items have all their time again. */
  #startAgain(): void {
    this.#timer = undefined;
    for (const item of [...this.#due.keys()]) this.start(item);
  }
}
