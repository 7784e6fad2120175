/**
 * The delay of the event loop, which every message waits for at least. The runtime's `monitorEventLoopDelay` does not
 * see a loop that is blocked.
 *
 * @module
 */

import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** Reports again and again by how many seconds a timer was late, until it is cancelled. */
export function watchLoop(clock: Clock, report: (seconds: number) => void): Timer {
  let timer: Timer;
  const look = () => {
    const due = clock.now() + LIMITS.loopLookMs;
    timer = clock.after(LIMITS.loopLookMs, () => {
      report(Math.max(0, clock.now() - due) / 1000);
      look();
    });
  };
  look();
  return { cancel: () => timer.cancel() };
}
