/**
 * Shares one thread among all connections: bounds what is done between two questions to the system for events.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { LIMITS } from "../../core/limits.ts";

/** Something that asks the system for events, and then runs `action`. */
export interface EventSource {
  after(action: () => void): void;
}

/** Counts work in bytes; after {@link LIMITS.turnWork} of it, whatever begins next waits for the next turn. */
export class Turn {
  readonly #events: EventSource;
  readonly #waiting: (() => void)[] = [];
  #work = 0;
  #isOver = false;
  #atEnd: (() => void)[] = [];

  constructor(events: EventSource) {
    this.#events = events;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Begins an operation: now or, if enough was done in this turn, in a later one, in the order of the calls. */
  run(begin: () => void): void {
    if (this.#isOver) {
      this.#waiting.push(begin);
    } else {
      this.spend(LIMITS.operationWork);
      begin();
    }
  }

  /** So many bytes were read or written. */
  spend(bytes: number): void {
    this.#work += bytes;
    if (this.#work < LIMITS.turnWork || this.#isOver) return;
    this.#isOver = true;
    this.#events.after(this.#next);
  }

  /** Does this at the end of the turn. @param action It must not throw. */
  atEnd(action: () => void): void {
    if (this.#atEnd.push(action) === 1) setImmediate(this.#end);
  }

  readonly #end = () => {
    const actions = this.#atEnd;
    this.#atEnd = [];
    for (const act of actions) act();
  };

  readonly #next = () => {
    this.#isOver = false;
    this.#work = 0;
    const waiting = this.#waiting.splice(0);
    for (const begin of waiting) this.run(begin);
  };
}
