/**
 * One soak: a warm-up round, a round that counts, and what must be as it was before.
 *
 * @module
 */

import type { RelayConfig } from "../../src/server/mod.ts";
import { act } from "./actions.ts";
import { Chance } from "./chance.ts";
import { TestedRelay } from "./tested_relay.ts";
import { World } from "./world.ts";

/** How much, and how. */
export interface SoakOptions {
  readonly transport: RelayConfig["transport"];
  readonly peers: number;
  readonly steps: number;
  /** Ends the counted round earlier. */
  readonly seconds: number;
  readonly seed: number;
}

/** What a soak that passed has to tell. */
export interface SoakReport {
  readonly actions: Record<string, number>;
  readonly pairsAtRest: number;
  /** Sides that heard a hang-up instead of their partner's end: only on `deno`. */
  readonly hangUps: number;
  readonly mibBefore: number;
  readonly mibAfter: number;
}

/** Actions under way at once: enough that they disturb each other, few enough that each soon gets its turn. */
const HANDS = 32;
/** Of where it began (issue 4). */
const MEMORY_MARGIN = 1.2;
/** Peers that arrive at once: below the backlog of pending connections. */
const ARRIVALS = 100;

/** Runs it. Throws at the first thing that is not as it should be. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  await using relay = await TestedRelay.start(options.transport);
  const chance = new Chance(options.seed);
  // What a relay loads and allocates once belongs to it; only what grows from round to round is a leak.
  await round(relay, chance.branch(), options);
  const mibBefore = await relay.trimmedMib();
  const report = await round(relay, chance.branch(), options);
  const mibAfter = await relay.trimmedMib();
  if (mibAfter > mibBefore * MEMORY_MARGIN) {
    throw new Error(`Cannot pass the soak: want at most ${MEMORY_MARGIN} x ${mibBefore} MiB, got ${mibAfter}`);
  }
  const { code } = await relay.stop();
  if (code !== 0) throw new Error(`Cannot pass the soak: want exit code 0, got ${code}: ${relay.relay.stderr}`);
  return { ...report, mibBefore, mibAfter };
}

async function round(relay: TestedRelay, chance: Chance, { peers, steps, seconds }: SoakOptions) {
  const world = new World(relay, peers);
  for (let at = 0; at < peers; at += ARRIVALS) {
    await Promise.all(world.peers.slice(at, at + ARRIVALS).map((peer) => peer.arrive()));
  }
  await world.settled();
  const deadline = performance.now() + seconds * 1000;
  const actions: Record<string, number> = {};
  let left = steps;
  const hand = async (chance: Chance) => {
    while (left-- > 0 && performance.now() < deadline) {
      const name = await act(world, chance);
      actions[name] = (actions[name] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: HANDS }, () => hand(chance.branch())));
  world.check();
  await world.settled();
  const { pairs } = world.expectedCounts();
  await world.emptied();
  world.check();
  return { actions, pairsAtRest: pairs, hangUps: world.hangUps };
}
