/**
 * When peers asked for something, as far as the relay can know.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";
import { LIMITS } from "./limits.ts";

/**
 * The time of day. But what a relay reads first after it has stood still (a suspended machine, a frozen container) was
 * said before: it must not pass for newer than what was said to other instances meanwhile.
 */
export class ArrivalClock {
  readonly #clock: Clock;
  readonly #timeOfDay: () => number;
  /** The last look, by both clocks. */
  #lookedAt = 0;
  #timeThen = 0;
  /** What is read until then may have come while the relay stood still, since this time of day. */
  #lateUntil = -Infinity;
  #stoodStillSince = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, timeOfDay: () => number = Date.now) {
    this.#clock = clock;
    this.#timeOfDay = timeOfDay;
  }

  /** Watches until it is closed. */
  open(): void {
    this.#lookedAt = this.#clock.now();
    this.#timeThen = this.#timeOfDay();
    this.#watch();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Milliseconds since 1970: not later than now. */
  now(): number {
    if (this.#timer === undefined) return this.#timeOfDay();
    this.#look();
    return this.#lookedAt < this.#lateUntil ? this.#stoodStillSince : this.#timeThen;
  }

  #watch(): void {
    this.#timer = this.#clock.after(LIMITS.loopLookMs, () => {
      this.#look();
      this.#watch();
    });
  }

  #look(): void {
    const now = this.#clock.now();
    if (now - this.#lookedAt >= LIMITS.standstillMs) {
      this.#stoodStillSince = this.#timeThen;
      this.#lateUntil = now + LIMITS.readLateMs;
    }
    this.#lookedAt = now;
    this.#timeThen = this.#timeOfDay();
  }
}
