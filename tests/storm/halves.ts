/**
 * The two sides of a conversation, on sockets or streams: one comes first, and both have to come to their end.
 *
 * @module
 */

import { within } from "../helpers/process.ts";
import type { Chance } from "../soak/chance.ts";
import type { Line } from "./line.ts";

/** One of the two. */
export interface Half {
  /** The relay has let it in. */
  readonly opened: Promise<void>;
  /** Resolves when it has ended. Rejects when it heard what it should not. */
  readonly over: Promise<void>;
  /** How the relay closed it; undefined: it did not. */
  readonly code: number | undefined;
}

/** What both say. */
export interface HalvesOptions {
  readonly name: string;
  /** What each says. */
  readonly lines: readonly Line[];
  readonly chance: Chance;
}

/** One of the two comes first by so many milliseconds at most. */
const LATER_MS = 50;
/** Within this both sides have to be let in, on a machine that may be busy. */
export const PATIENCE_SECONDS = 60;
/** Within this something has to move. The relay gives up who takes nothing, or does not answer, after a minute. */
const STANDSTILL_SECONDS = 2 * PATIENCE_SECONDS;
/** Within this all has to be over, though it moves. */
const LONGEST_SECONDS = 5 * PATIENCE_SECONDS;
const LOOK_MS = 1_000;

/**
 * Opens both, waits until both are over, and returns them.
 *
 * @param open `met` resolves when both were let in, and something has crossed.
 */
export async function bothHalves<H extends Half>(
  open: (side: 0 | 1, met: Promise<unknown>) => Promise<H>,
  { name, lines, chance }: HalvesOptions,
): Promise<readonly [H, H]> {
  const { promise: met, resolve: meet } = Promise.withResolvers<unknown>();
  // Who waits for it may be gone.
  met.catch(() => {});
  const first = await open(0, met);
  await new Promise((resolve) => setTimeout(resolve, chance.below(LATER_MS)));
  const halves = [first, await open(1, met)] as const;
  const bothOpened = Promise.all(halves.map(({ opened }) => opened));
  meet(Promise.all([bothOpened, Promise.race(lines.map(({ crossed }) => crossed))]));
  await within(bothOpened, `${name} to be let in`, PATIENCE_SECONDS);
  const bothOver = Promise.all(halves.map(({ over }) => over));
  await within(Promise.race([bothOver, standstill(lines, bothOver)]), `${name} to end`, LONGEST_SECONDS);
  return halves;
}

/**
 * Rejects when nothing comes in either direction, and no end: how long all takes depends on how busy the machine is, and
 * is no fault.
 */
function standstill(lines: readonly Line[], over: Promise<unknown>): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const look = setInterval(() => {
    if (lines.some(({ stillMs }) => stillMs < STANDSTILL_SECONDS * 1_000)) return;
    const states = lines.map(({ said, heard, bytesUnderWay }) => ({ said, heard, bytesUnderWay }));
    reject(new Error(`nothing moved in ${STANDSTILL_SECONDS} s: ${Deno.inspect(states)}`));
  }, LOOK_MS);
  over.catch(() => {}).finally(() => clearInterval(look));
  promise.catch(() => {}).finally(() => clearInterval(look));
  return promise;
}
