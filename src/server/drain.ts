/**
 * How a relay ends: gently, but in bounded time.
 *
 * @module
 */

import { CLOSE } from "../protocol.ts";
import { type Clock, type Timer, within } from "./core/clock.ts";
import { LIMITS } from "./core/limits.ts";
import type { IntroductionSocket, PeerSocket } from "./transport/transport.ts";

/** What is drained. Nobody new may come in any more. */
export interface Drained {
  /** Introduction sockets, whose clients can go elsewhere at once. */
  introductions(): Iterable<IntroductionSocket>;
  /** All sockets. */
  sockets(): Iterable<PeerSocket>;
  /** Resolves when no socket is left. */
  emptied(): Promise<void>;
}

/** How long it may take. */
export interface DrainPace {
  readonly clock: Clock;
  /** Resolves when nobody shall be waited for any longer. */
  readonly hurry: Promise<void>;
}

/**
 * Closes introduction sockets at random moments within the first half of the time, so that clients do not come back
 * all at once elsewhere; lets pairs finish until the time ends; then closes what is left. The time is `seconds` without
 * what the end itself takes, so that they are all that a supervisor has to wait.
 */
export async function drain(house: Drained, seconds: number, { clock, hurry }: DrainPace): Promise<void> {
  const ms = Math.max(0, seconds * 1000 - LIMITS.endMs);
  const timers: Timer[] = [];
  for (const socket of house.introductions()) {
    // Who can be asked chooses the moment, and keeps its conversations until then.
    if (socket.goAway !== undefined) socket.goAway(ms / 2000);
    else timers.push(clock.after(Math.random() * ms / 2, () => socket.close(CLOSE.restarting)));
  }
  await within(clock, ms, Promise.race([house.emptied(), hurry]));
  for (const timer of timers) timer.cancel();
  for (const socket of [...house.sockets()]) socket.close(CLOSE.restarting);
  await within(clock, LIMITS.closeMs, house.emptied());
  // Who did not answer the close in time does not answer at all.
  for (const socket of [...house.sockets()]) socket.terminate?.();
}
