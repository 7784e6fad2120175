/**
 * Time and timers, so that tests can replace them.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import { LIMITS } from "./limits.ts";

/** Something that will happen unless it is cancelled. */
export interface Timer {
  cancel(): void;
}

/** Monotonic time and timers. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Runs `action` once, `ms` milliseconds from now. */
  after(ms: number, action: () => void): Timer;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, action) {
    // A timer of 0 ms takes more than 1 ms; an immediate runs at the end of the turn.
    if (ms === 0) return immediately(action);
    // In Deno 2.5 a timer that is due runs though it is cleared, if what clears it was read in the same turn.
    let isCancelled = false;
    const id = setTimeout(() => isCancelled || action(), ms);
    return {
      cancel() {
        isCancelled = true;
        clearTimeout(id);
      },
    };
  },
};

function immediately(action: () => void): Timer {
  const id = setImmediate(action);
  return { cancel: () => clearImmediate(id) };
}

/**
 * Whether a timer that is so late tells that the process stood still: frozen, or on a machine that was. What came
 * meanwhile has not been read yet.
 */
export function hasStoodStill(lateMs: number): boolean {
  return lateMs >= LIMITS.stoodStillMs;
}

/** Waits for `event`, but not longer than `ms` milliseconds. */
export async function within(clock: Clock, ms: number, event: Promise<void>): Promise<void> {
  let timer: Timer | undefined;
  await Promise.race([event, new Promise<void>((resolve) => timer = clock.after(ms, resolve))]);
  timer?.cancel();
}
