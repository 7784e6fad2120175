/**
 * A histogram, as Prometheus has it.
 *
 * @module
 */

import type { Sample } from "./exposition.ts";

/** Counts observations in buckets. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Per bound, observations above all lower bounds; the last one is above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds From low to high. */
  constructor(bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#counts = this.#bounds.map(() => 0);
  }

  /** Counts one observation. */
  observe(value: number): void {
    this.#sum += value;
    this.#counts[this.#bounds.findIndex((bound) => value <= bound)] += 1;
  }

  /** The lines of a scrape. Each bucket includes all lower ones. */
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
