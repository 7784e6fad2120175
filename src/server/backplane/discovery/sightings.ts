/**
 * Which joins of peers on other instances have been introduced here.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";

/** The latest known join of a peer on another instance. */
interface Sighting {
  readonly join: number;
  /** Joins here up to this number have been introduced to it. */
  readonly introduced: number;
  readonly at: number;
}

/** A bounded number of hints: when one is lost, two peers are introduced once more. */
export class Sightings {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #seen = new Map<string, Sighting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes that a peer on another instance is introduced to all that have joined here so far. Returns the number of the
   * join here up to which it had been introduced already: the latest, when a later join of the same peer is known.
   *
   * @param join The number of its join.
   * @param joins Joins here so far.
   */
  note(key: string, join: number, joins: number): number {
    const known = this.#seen.get(key);
    if (known !== undefined && join < known.join) return joins;
    this.#seen.delete(key);
    this.#seen.set(key, { join, introduced: joins, at: this.#clock.now() });
    if (this.#seen.size > LIMITS.sightings) this.#forgetOldest();
    return known?.join === join ? known.introduced : 0;
  }

  /** Forgets peers that were not announced for three rounds: they are gone. */
  forgetOld(): void {
    const oldest = this.#clock.now() - LIMITS.announceEveryMs * 3;
    for (const [key, { at }] of this.#seen) {
      if (at >= oldest) return;
      this.#seen.delete(key);
    }
  }

  #forgetOldest(): void {
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key);
      return;
    }
  }
}
