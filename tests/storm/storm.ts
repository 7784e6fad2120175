/**
 * One storm: a warm-up round, one of few, a round of many, and a relay that must be as it was before that.
 *
 * @module
 */

import type { Variant } from "../helpers/transports.ts";
import { Chance } from "../soak/chance.ts";
import { TestedRelays } from "../soak/tested_relays.ts";
import { converse, type Told } from "./conversation.ts";
import { meet } from "./meeting.ts";
import { Material } from "./messages.ts";
import { Pace } from "../helpers/pace.ts";
import { pause } from "./socket.ts";

/** How much, and how. */
export interface StormOptions {
  readonly variant: Variant;
  /** More than one act as one over a NATS server: peers come to any of them. */
  readonly instances: number;
  /** At once. Where one ends, the next begins. */
  readonly pairs: number;
  /** Peers in twos, at once, whose conversations are streams. */
  readonly meetings: number;
  /** Of the round of many. The two before it take half as long each. */
  readonly seconds: number;
  readonly seed: number;
  /** What the relay may take at the end, as a multiple of what it took after the warm-up. */
  readonly memoryMargin?: number;
}

/** Of one round. */
interface RoundOptions extends StormOptions {
  /** One direction of so many is bulk; 0: none. */
  readonly bulk?: number;
}

/** What a storm that passed has to tell. */
export interface StormReport {
  readonly pairs: number;
  readonly messages: number;
  readonly mib: number;
  readonly departures: Partial<Record<string, number>>;
  /** Partners that were hung up on instead of told. Only on `deno`. */
  readonly hangUps: number;
  /** Of each instance. */
  readonly residentMib: readonly { readonly before: number; readonly after: number }[];
}

const MIB = 1024 * 1024;
/** A busy machine may keep a peer from answering pings; the idle timeout has tests of its own. */
const IDLE_SECONDS = 300;
const ARGS = ["--log-level", "warning", "--idle-timeout", `${IDLE_SECONDS}`];
const BULK = { amongMany: 16, amongFew: 2 };
const MEMORY_MARGIN = 1.2;
/** For what a short warm-up has not brought about yet, in MiB. */
const MEMORY_SLACK_MIB = 10;
const LOOK_MS = 100;
/** Within which the last sockets leave the relay. */
const PATIENCE_MS = 30_000;

/** Runs it. Throws at the first thing that is not as it should be. */
export async function storm(options: StormOptions): Promise<StormReport> {
  const { seconds, seed } = options;
  const chance = new Chance(seed);
  const material = new Material();
  await using relays = await TestedRelays.start({ ...options, chance: chance.branch(), args: ARGS });
  const descriptors = descriptorsOf(relays);
  await round(relays, { ...options, seconds: seconds / 2 }, { material, chance: chance.branch(), name: "warm-up" });
  const calm = await round(relays, calmer(options), { material, chance: chance.branch(), name: "round of few" });
  await emptied(relays, descriptors);
  const before = await memoryOf(relays);
  const all = await round(relays, options, { material, chance: chance.branch(), name: "storm" });
  await emptied(relays, descriptors);
  const residentMib = await checkMemory(relays, before, options.memoryMargin ?? MEMORY_MARGIN);
  await relays.stop();
  return { ...summary([...all, ...calm]), residentMib };
}

/** Bulk is for senders that can be paused. */
function bulkAmongMany({ transport }: Variant): number {
  return transport === "tcp" ? BULK.amongMany : 0;
}

/** Among few each has so much of the processors that it fills all buffers on the way to a reader that rests. */
function calmer({ pairs, meetings, seconds, ...rest }: StormOptions): RoundOptions {
  return {
    ...rest,
    pairs: Math.ceil(pairs / 10),
    meetings: Math.ceil(meetings / 5),
    seconds: seconds / 2,
    // TLS costs six times as much, and has no buffers of its own that bulk would fill.
    bulk: rest.variant.isTls ? undefined : bulkAmongMany(rest.variant) && BULK.amongFew,
  };
}

function memoryOf({ living }: TestedRelays): Promise<number[]> {
  return Promise.all(living.map((relay) => relay.trimmedMib()));
}

/** Judges at rest. The runtime's idle timer holds a socket that vanished for half of the idle time: what it holds is no leak. */
async function checkMemory(
  relays: TestedRelays,
  before: number[],
  margin: number,
): Promise<StormReport["residentMib"]> {
  const isLeaky = (after: number, i: number) => after > before[i] * margin + MEMORY_SLACK_MIB;
  let memory = await memoryOf(relays);
  if (memory.some(isLeaky)) {
    await pause(IDLE_SECONDS * 500 + PATIENCE_MS);
    memory = await memoryOf(relays);
  }
  const leaky = memory.findIndex(isLeaky);
  if (leaky < 0) return memory.map((after, i) => ({ before: before[i], after }));
  throw new Error(`Cannot pass the storm: want at most ${margin} x ${before[leaky]} MiB, got ${memory[leaky]}`);
}

async function round(
  relays: TestedRelays,
  { variant, pairs, meetings, seconds, bulk = bulkAmongMany(variant) }: RoundOptions,
  { material, chance, name }: { material: Material; chance: Chance; name: string },
): Promise<Told[]> {
  const until = performance.now() + seconds * 1000;
  const isLate = () => performance.now() >= until;
  const pace = new Pace();
  const told: Told[] = [];
  const where = { target: () => relays.any().relay, transport: variant.transport, bulk, material, pace, isLate };
  let serial = 0;
  const talk = async (chance: Chance) => {
    while (!isLate()) told.push(await converse({ ...where, serial: serial++, chance }));
  };
  const gather = async (chance: Chance, serial: number) => {
    for (const one of await meet({ ...where, serial, chance })) told.push(one);
  };
  try {
    await Promise.all([
      ...Array.from({ length: pairs }, () => talk(chance.branch())),
      ...Array.from({ length: meetings }, (_, i) => gather(chance.branch(), i)),
    ]);
  } catch (error) {
    // Whether a relay has ended shows a moment later.
    await pause(LOOK_MS);
    const logs = relays.living.map(({ fall, relay }) => fall ?? relay.stderr.slice(-1_000)).join("\n");
    throw new Error(`Cannot pass the ${name}: ${(error as Error).message}\n${logs}`, { cause: error });
  }
  return told;
}

/** Waits until the relay has nothing left of all. */
async function emptied(relays: TestedRelays, descriptors: number): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { documents: _, ...counts } = await relays.counts();
    const left = { ...counts, descriptors: descriptorsOf(relays) - descriptors };
    // A connection that asks for the counts may still be there.
    const isEmpty = Object.values(counts).every((count) => count === 0);
    if (isEmpty && left.descriptors <= 2 * relays.living.length) return;
    if (performance.now() > until) {
      throw new Error(`Cannot pass the storm: want nothing left, got ${Deno.inspect(left)}`);
    }
    await pause(LOOK_MS);
  }
}

function descriptorsOf({ living }: TestedRelays): number {
  return living.reduce((sum, { descriptors }) => sum + descriptors, 0);
}

function summary(all: readonly Told[]): Omit<StormReport, "residentMib"> {
  const sum = (part: (told: Told) => number) => all.reduce((total, told) => total + part(told), 0);
  const kinds = Object.entries(Object.groupBy(all, ({ departure }) => departure)) as [string, Told[]][];
  return {
    pairs: all.length,
    messages: sum(({ messages }) => messages),
    mib: Math.round(sum(({ bytes }) => bytes) / MIB),
    departures: Object.fromEntries(kinds.map(([kind, told]) => [kind, told.length])),
    hangUps: sum(({ isHungUp }) => Number(isHungUp)),
  };
}
