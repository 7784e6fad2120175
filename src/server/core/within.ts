/**
 * Waiting, but not for ever.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";

/** Waits for `event`, but not longer than `ms`. */
export async function within(clock: Clock, ms: number, event: Promise<void>): Promise<void> {
  let timer: Timer | undefined;
  await Promise.race([event, new Promise<void>((resolve) => timer = clock.after(ms, resolve))]);
  timer?.cancel();
}
