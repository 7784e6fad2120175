/**
 * A turn of the event loop, which all sockets with streams share.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { Steps } from "../core/work_scheduler.ts";

/** What is done at once in a turn, for a bounded time, and what is done at its end. */
export class Turn {
  readonly #clock: Clock;
  #actions: (() => void)[] = [];
  #hasBegun = false;
  /** Milliseconds that {@link Turn.run} took in it. */
  #spentMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does this at the end of the turn. @param action It must not throw. */
  atEnd(action: () => void): void {
    this.#actions.push(action);
    this.#begin();
  }

  /** Runs the steps while the turn has time for them; says whether they came to their end. */
  run(steps: Steps): boolean {
    const startedAt = this.#clock.now();
    const until = startedAt + LIMITS.readAtOnceMs - this.#spentMs;
    let [now, isDone] = [startedAt, false];
    while (!isDone && now < until) {
      isDone = steps.next().done === true;
      now = this.#clock.now();
    }
    this.#spentMs += now - startedAt;
    this.#begin();
    return isDone;
  }

  #begin(ms = 0): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#clock.after(ms, () => this.#end());
  }

  #end(): void {
    const actions = this.#actions;
    this.#actions = [];
    this.#hasBegun = false;
    this.#spentMs = 0;
    const until = this.#clock.now() + LIMITS.sendAtOnceMs;
    for (const [at, act] of actions.entries()) {
      if (at > 0 && this.#clock.now() >= until) return this.#endLater(actions.slice(at));
      act();
    }
  }

  /** The runtime asks the system for events only before a timer of some length. */
  #endLater(actions: (() => void)[]): void {
    this.#actions.unshift(...actions);
    this.#begin(LIMITS.pollMs);
  }
}
