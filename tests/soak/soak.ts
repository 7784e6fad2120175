/**
 * One soak: a warm-up round, a round that counts, and what must be as it was before.
 *
 * @module
 */

import type { Variant } from "../helpers/transports.ts";
import { act } from "./actions.ts";
import { Chance } from "./chance.ts";
import { fail, FREEZES, KILLS } from "./failures.ts";
import type { TestedRelay } from "./tested_relay.ts";
import { TestedRelays } from "./tested_relays.ts";
import { World } from "./world.ts";

/** How much, and how. */
export interface SoakOptions {
  readonly variant: Variant;
  readonly peers: number;
  readonly steps: number;
  /** Ends the counted round earlier. */
  readonly seconds: number;
  readonly seed: number;
  /** The share of peers that speak protocol 5, from 0 to 1. */
  readonly streams: number;
  /** More than one: with a NATS server between them; all of these fail now and then. */
  readonly instances: number;
  /** What an instance may take after the counted round, as a multiple of what it took before. */
  readonly memoryMargin?: number;
}

/** What a soak that passed has to tell. */
export interface SoakReport {
  readonly actions: Record<string, number>;
  readonly failures: Record<string, number>;
  readonly pairsAtRest: number;
  /** Of these, over two instances. */
  readonly remotePairsAtRest: number;
  /** Sides that heard a hang-up instead of their partner's end: only on `deno`. */
  readonly hangUps: number;
  /** Of each instance that lived from the beginning to the end. */
  readonly mib: { readonly before: number; readonly after: number }[];
}

/** Actions under way at once: enough that they disturb each other, few enough that each soon gets its turn. */
const HANDS = 32;
/** Of where it began (issue 4). */
const MEMORY_MARGIN = 1.2;
/** Peers that arrive at once: below the backlog of pending connections. */
const ARRIVALS = 100;

/** Runs it. Throws at the first thing that is not as it should be. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const chance = new Chance(options.seed);
  await using relays = await TestedRelays.start({ ...options, chance: chance.branch() });
  // What a relay loads and allocates once belongs to it; only what grows from round to round is a leak.
  const [warmUp, failures] = options.instances > 1 ? [[KILLS], [KILLS, FREEZES]] : [[], []];
  await round(relays, chance.branch(), { ...options, failures: warmUp });
  const before = await memory(relays);
  const report = await round(relays, chance.branch(), { ...options, failures });
  const mib = grown(before, await memory(relays), options.memoryMargin ?? MEMORY_MARGIN);
  await relays.stop();
  return { ...report, mib };
}

async function memory({ living }: TestedRelays): Promise<Map<TestedRelay, number>> {
  return new Map(await Promise.all(living.map(async (relay) => [relay, await relay.trimmedMib()] as const)));
}

function grown(
  before: Map<TestedRelay, number>,
  after: Map<TestedRelay, number>,
  margin: number,
): SoakReport["mib"] {
  const lived = [...before].filter(([relay]) => after.has(relay));
  const all = lived.map(([relay, mib]) => ({ before: mib, after: after.get(relay)! }));
  const leaky = all.find(({ before, after }) => after > before * margin);
  if (leaky === undefined) return all;
  throw new Error(`Cannot pass the soak: want at most ${margin} x ${leaky.before} MiB, got ${leaky.after}`);
}

async function round(
  relays: TestedRelays,
  chance: Chance,
  { peers, steps, seconds, streams, failures: kinds }: SoakOptions & { failures: Parameters<typeof fail>[2]["kinds"] },
) {
  const world = new World(relays, peers, streams);
  await assemble(world);
  await world.settled();
  const deadline = performance.now() + seconds * 1000;
  let left = steps;
  const goesOn = () => left > 0 && performance.now() < deadline;
  let isFailing = true;
  const failing = fail(relays, chance.branch(), { kinds, goesOn }).finally(() => isFailing = false);
  const actions: Record<string, number> = {};
  const hand = async (chance: Chance) => {
    while (goesOn() || isFailing) {
      left -= 1;
      const name = await act(world, chance);
      actions[name] = (actions[name] ?? 0) + 1;
    }
  };
  const hands = Array.from({ length: HANDS }, () => hand(chance.branch()));
  const [failures] = await Promise.all([failing, ...hands]);
  world.check();
  if (kinds.length > 0) await assemble(world);
  await world.settled();
  const { pairs, remotePairs } = world.expectedCounts();
  await world.emptied();
  world.check();
  const atRest = { pairsAtRest: pairs - remotePairs / 2, remotePairsAtRest: remotePairs / 2 };
  return { actions, failures, ...atRest, hangUps: world.hangUps };
}

/** All who are not there come. */
async function assemble({ peers }: World): Promise<void> {
  for (let at = 0; at < peers.length; at += ARRIVALS) {
    await Promise.all(peers.slice(at, at + ARRIVALS).map((peer) => peer.arrive()));
  }
}
