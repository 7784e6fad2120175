/**
 * What protocol 5 needs of a clock.
 *
 * @module
 */

/** Time, in milliseconds. */
export interface Time {
  /** Since whenever; never goes back. */
  now(): number;
  /** Runs `action` once after a delay. Returns how to cancel it, which may be called at any time. */
  after(milliseconds: number, action: () => void): () => void;
}
