/**
 * One turn of the event loop: what is done at once in it, for a bounded time, and what is done at its end.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { LIMITS } from "./limits.ts";
import type { Steps } from "./work_scheduler.ts";

/** Looks at the time are as dear as records: only one of so many is made. */
const LOOK_EVERY = 8;

/** What is done at once in a turn, for a bounded time, and what is done at its end. */
export class Turn {
  readonly #clock: Clock;
  #actions: (() => void)[] = [];
  #hasBegun = false;
  #startedAt = 0;
  #looks = 0;
  #isLate = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does this at the end of the turn. @param action It must not throw. */
  atEnd(action: () => void): void {
    this.#actions.push(action);
    if (!this.#hasBegun) this.#begin(0);
  }

  /** Runs the steps while the turn has time for them; says whether they came to their end. */
  run(steps: Steps): boolean {
    while (this.#hasTime()) if (steps.next().done) return true;
    return false;
  }

  #hasTime(): boolean {
    if (!this.#hasBegun) this.#begin(0);
    if (++this.#looks % LOOK_EVERY === 0) this.#isLate ||= this.#clock.now() - this.#startedAt > LIMITS.readAtOnceMs;
    return !this.#isLate;
  }

  #begin(ms: number): void {
    this.#hasBegun = true;
    this.#isLate = false;
    this.#startedAt = this.#clock.now();
    this.#clock.after(ms, () => this.#end());
  }

  #end(): void {
    const actions = this.#actions;
    this.#actions = [];
    this.#hasBegun = false;
    const until = this.#clock.now() + LIMITS.sendAtOnceMs;
    for (const [at, act] of actions.entries()) {
      if (at % LOOK_EVERY === LOOK_EVERY - 1 && this.#clock.now() >= until) return this.#endLater(actions.slice(at));
      act();
    }
  }

  /** The runtime asks the system for events only before a timer of some length. */
  #endLater(actions: (() => void)[]): void {
    this.#actions.unshift(...actions);
    if (!this.#hasBegun) this.#begin(LIMITS.pollMs);
  }
}
