/**
 * Finds out that the other side of a pair cannot be reached any more, though the bus does not say so.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";

/** What to do about the other side: ask whether it is there, or give it up. */
export type Verdict = "probe" | "stalled" | "silent";

/** Watches one remote socket. */
export class FailureDetector {
  readonly #clock: Clock;
  #heardAt: number;
  #probedAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardAt = clock.now();
  }

  /** The other instance has sent something. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** @param waitedMs Milliseconds without an acknowledgement of what was sent. */
  inspect(waitedMs: number): Verdict | undefined {
    const now = this.#clock.now();
    const silentMs = now - this.#heardAt;
    if (waitedMs >= LIMITS.receiptMs) return "stalled";
    if (silentMs >= LIMITS.remoteSilenceMs) return "silent";
    const isDoubtful = waitedMs >= LIMITS.doubtMs || silentMs >= LIMITS.remoteProbeMs;
    if (!isDoubtful || now - this.#probedAt < LIMITS.doubtMs) return;
    this.#probedAt = now;
    return "probe";
  }
}
