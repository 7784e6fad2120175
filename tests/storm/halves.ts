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
/** Both sides have to hear of an end within this, on a machine that may be busy. */
export const PATIENCE_SECONDS = 60;

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
  await within(Promise.all(halves.map(({ over }) => over)), `${name} to end`, PATIENCE_SECONDS);
  return halves;
}
