/** Steps per doubling: a quantile is exact to about one per cent. */
const STEPS = 64;
const SHORTEST_MS = 0.001;
const DOUBLINGS = 28;

/** Counts durations by size, in constant memory however many there are. */
export class Latencies {
  readonly #counts = new Float64Array(STEPS * DOUBLINGS);
  #total = 0;

  add(milliseconds: number): void {
    const step = Math.floor(Math.log2(milliseconds / SHORTEST_MS) * STEPS);
    this.#counts[Math.min(this.#counts.length - 1, Math.max(0, step))]++;
    this.#total++;
  }

  /** The duration that this share of all does not exceed, in milliseconds. */
  quantile(share: number): number {
    let below = 0;
    for (const [step, count] of this.#counts.entries()) {
      below += count;
      if (below >= share * this.#total) return SHORTEST_MS * 2 ** ((step + 1) / STEPS);
    }
    return NaN;
  }
}
