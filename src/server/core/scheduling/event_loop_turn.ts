/**
 * One turn of the event loop: what is done at once in it, for a bounded time, and what is done at its end.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { LIMITS } from "../limits.ts";
import type { Poll } from "./poll.ts";
import type { Steps } from "./work_scheduler.ts";

/** Looks at the time are as dear as records: only one of so many is made. The first of them begins the turn. */
const LOOK_EVERY = 8;

/** What is done at once in a turn, for a bounded time, and what is done at its end. */
export class EventLoopTurn {
  readonly #clock: Clock;
  readonly #poll: Poll;
  #actions: (() => void)[] = [];
  #hasBegun = false;
  #startedAt = 0;
  #looks = 0;
  #isLate = false;

  constructor(clock: Clock, poll: Poll) {
    this.#clock = clock;
    this.#poll = poll;
  }

  /** Does this at the end of the turn. @param action It must not throw. */
  atEnd(action: () => void): void {
    this.#actions.push(action);
    if (!this.#hasBegun) this.#begin();
  }

  /** Runs the steps while the turn has time for them; says whether they came to their end. */
  run(steps: Steps): boolean {
    while (this.hasTime()) if (steps.next().done) return true;
    return false;
  }

  /** Asked before each step of what is done at once. */
  hasTime(): boolean {
    if (++this.#looks % LOOK_EVERY !== 0) return !this.#isLate;
    if (!this.#hasBegun) this.#begin();
    this.#isLate ||= this.#clock.now() - this.#startedAt > LIMITS.readAtOnceMs;
    return !this.#isLate;
  }

  #begin(): void {
    this.#start();
    this.#clock.after(0, () => this.#end());
  }

  #start(): void {
    this.#hasBegun = true;
    this.#startedAt = this.#clock.now();
  }

  #end(): void {
    const actions = this.#actions;
    this.#actions = [];
    this.#hasBegun = this.#isLate = false;
    const until = this.#clock.now() + LIMITS.sendAtOnceMs;
    for (let at = 0; at < actions.length; at++) {
      if (at % LOOK_EVERY === LOOK_EVERY - 1 && this.#clock.now() >= until) return this.#endLater(actions.slice(at));
      actions[at]();
    }
  }

  /** The system is asked for events before the rest. */
  #endLater(actions: (() => void)[]): void {
    this.#actions.unshift(...actions);
    if (this.#hasBegun) return;
    this.#start();
    this.#poll.after(() => this.#end());
  }
}
