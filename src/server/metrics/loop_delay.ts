/**
 * How late the event loop is: what every message waits for at least. The runtime's own figures for Node
 * (`monitorEventLoopDelay`) do not see a loop that is blocked.
 *
 * @module
 */

import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** Tells again and again by how many seconds a timer came late, until it is cancelled. */
export function watchLoop(clock: Clock, tell: (seconds: number) => void): Timer {
  let timer: Timer;
  const look = () => {
    const due = clock.now() + LIMITS.loopLookMs;
    timer = clock.after(LIMITS.loopLookMs, () => {
      tell(Math.max(0, clock.now() - due) / 1000);
      look();
    });
  };
  look();
  return { cancel: () => timer.cancel() };
}
