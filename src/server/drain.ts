/**
 * Drains the sockets of a relay that ends, in bounded time.
 *
 * @module
 */

import { CLOSE } from "../protocol.ts";
import { type Clock, type Timer, within } from "./core/clock.ts";
import { LIMITS } from "./core/limits.ts";
import type { IntroductionSocket, PeerSocket } from "./transport/transport.ts";

/** The sockets to drain. No more may open. */
export interface Drained {
  /** Introduction sockets, whose clients can reconnect elsewhere at once. */
  introductions(): Iterable<IntroductionSocket>;
  /** All sockets. */
  sockets(): Iterable<PeerSocket>;
  /** Resolves when no socket is left. */
  emptied(): Promise<void>;
}

/** How long the drain may take. */
export interface DrainPace {
  readonly clock: Clock;
  /** Resolves when the drain has to end at once. */
  readonly hurry: Promise<void>;
}

/**
 * Closes introduction sockets at random moments within the first half of the time, so that clients do not all reconnect
 * at once; lets pairs finish until the time ends; then closes what is left. The whole end takes `seconds`: the closing
 * handshakes and what follows them are subtracted.
 */
export async function drain(relay: Drained, seconds: number, { clock, hurry }: DrainPace): Promise<void> {
  const ms = Math.max(0, seconds * 1000 - LIMITS.endMs);
  const timers: Timer[] = [];
  for (const socket of relay.introductions()) {
    // A client that can be asked chooses the moment, and keeps its conversations until then.
    if (socket.goAway !== undefined) socket.goAway(ms / 2000);
    else timers.push(clock.after(Math.random() * ms / 2, () => socket.close(CLOSE.restarting)));
  }
  await within(clock, ms, Promise.race([relay.emptied(), hurry]));
  for (const timer of timers) timer.cancel();
  for (const socket of [...relay.sockets()]) socket.close(CLOSE.restarting);
  await within(clock, LIMITS.closeMs, relay.emptied());
  // A peer that did not answer the close in time does not answer at all.
  for (const socket of [...relay.sockets()]) socket.terminate?.();
}
