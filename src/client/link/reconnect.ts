/**
 * How long to wait before the next try: exponential backoff with full jitter, so that clients which were dropped
 * together do not come back together.
 *
 * @module
 */

/** The bounds of a backoff. */
export interface Backoff {
  /** Milliseconds: the first try again is at most this late. */
  readonly minRetryDelay: number;
  /** By how much the bound grows with every failure. */
  readonly backoffFactor: number;
  /** Milliseconds: no try is ever later than this. */
  readonly maxRetryDelay: number;
}

/** Full jitter halves the mean: 500 ms are 250 ms for the first try. At the cap, a client asks four times a minute. */
export const DEFAULT_BACKOFF: Backoff = { minRetryDelay: 500, backoffFactor: 2, maxRetryDelay: 30_000 };

/** The longest delay after this many failures, in milliseconds. */
export function longestDelay(failures: number, { minRetryDelay, backoffFactor, maxRetryDelay }: Backoff): number {
  return Math.min(maxRetryDelay, minRetryDelay * backoffFactor ** failures);
}

/** Any delay up to the longest, each as likely as the others. `random` gives at least 0 and less than 1. */
export function drawDelay(failures: number, backoff: Backoff, random: () => number): number {
  return random() * longestDelay(failures, backoff);
}
