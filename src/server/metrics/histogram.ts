/**
 * Observations by size.
 *
 * @module
 */

import type { Sample } from "./exposition.ts";

/** Counts observations by the bounds that they do not pass. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Per bound, those that passed all lower ones; the last counts those above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds From low to high. */
  constructor(bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#counts = this.#bounds.map(() => 0);
  }

  /** Counts one more. */
  observe(value: number): void {
    this.#sum += value;
    this.#counts[this.#bounds.findIndex((bound) => value <= bound)] += 1;
  }

  /** As Prometheus has it: each bucket holds all lower ones. */
  *samples(): Iterable<Sample> {
    let count = 0;
    for (const [index, bound] of this.#bounds.entries()) {
      count += this.#counts[index];
      yield { suffix: "_bucket", labels: { le: bound === Infinity ? "+Inf" : String(bound) }, value: count };
    }
    yield { suffix: "_sum", value: this.#sum };
    yield { suffix: "_count", value: count };
  }
}
