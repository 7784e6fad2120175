/**
 * A deadline.
 *
 * @module
 */

import { deadline } from "@std/async/deadline";

/** The deadline has passed. */
export class Late extends Error {
  override name = "Late";
}

/** A deadline `ms` milliseconds after it is created. */
export class Deadline {
  readonly #endsAt: number;

  constructor(readonly ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  get msLeft(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** The sooner of this deadline and one in `ms` milliseconds. */
  sooner(ms: number): Deadline {
    return new Deadline(Math.min(ms, this.msLeft));
  }

  /** Awaits the promise. Throws {@link Late} when the deadline passes first. */
  async within<T>(promise: Promise<T>): Promise<T> {
    try {
      return await (deadline(promise, this.msLeft) as Promise<T>);
    } catch (error) {
      if ((error as Error)?.name !== "TimeoutError") throw error;
      throw new Late(`nothing in ${shownDuration(this.ms)}`);
    }
  }
}

/** A duration for people. */
export function shownDuration(ms: number): string {
  if (ms >= 1000) return `${+(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? +ms.toFixed(1) : Math.round(ms)} ms`;
}
