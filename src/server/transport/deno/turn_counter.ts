/**
 * Tells turns of the event loop apart.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";

/** What changes only between turns, or hardly within one, need not be asked for twice. */
export class TurnCounter {
  readonly #clock: Clock;
  #count = 0;
  #startedAt = 0;
  #hasBegun = false;
  readonly #end = () => void (this.#hasBegun = false);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of this turn. It ends with its microtasks, and the runtime writes to no socket before. */
  get current(): number {
    if (!this.#hasBegun) this.#begin();
    return this.#count;
  }

  /** When this turn began, in milliseconds of the clock: to read that costs a tenth of a small message. */
  get startedAt(): number {
    if (!this.#hasBegun) this.#begin();
    return this.#startedAt;
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#count += 1;
    this.#startedAt = this.#clock.now();
    queueMicrotask(this.#end);
  }
}
