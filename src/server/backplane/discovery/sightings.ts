/**
 * What is known of peers on other instances.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";

interface Sighting {
  readonly join: number;
  /** Joins here up to this number have been introduced to it. */
  readonly introduced: number;
  readonly at: number;
}

/** Hints, of which there is a bounded number: who loses one introduces once more. */
export class Sightings {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #seen = new Map<string, Sighting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes that a peer elsewhere is introduced to all who have joined here so far. Gives up to which join here that was
   * so already; all, when what it is about is older than what is known.
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

  /** Who has not been told of for several rounds is not there any more. */
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
