/**
 * What a run measures: in full, and in under a minute.
 *
 * @module
 */

import { arrivals } from "./arrivals.ts";
import { besideBulk } from "./beside_bulk.ts";
import { type IdleCrowd, idleCrowd } from "./idle_crowd.ts";
import { instances } from "./instances.ts";
import { couples, type Crowd, fans, growth, joins, onStreams, type Patience } from "./joins.ts";
import { meetings } from "./meetings.ts";
import { afterLoad, IDLE, idle, type Idleness } from "./memory.ts";
import type { Row } from "./report.ts";
import type { Contestant } from "./servers.ts";
import { slowReaders } from "./slow_readers.ts";
import { type Game, type Pace, throughput } from "./throughput.ts";

/** How much is measured. */
export interface Plan {
  crowds: Crowd[];
  games: Game[];
  /** Played before memory is read a last time. */
  load: Game[];
  /** New sockets on their way in at a time. */
  arrivals: number[];
  pace: Pace;
  idleness: Idleness;
  idleCrowd: IdleCrowd;
  patience: Patience;
  meetings: number;
  /** Readers that stop. */
  readers: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

const CHAT: Game = { bytes: 64, kind: "text", pairs: 50, window: 1 };
const KEYSTROKES: Game = { ...CHAT, kind: "binary" };
const PIPELINED: Game = { ...KEYSTROKES, window: 32 };
const STREAMS: Game = { ...PIPELINED, streams: true };
const SYNC: Game = { ...KEYSTROKES, bytes: 64 * KIB };
const FANS = [fans(2000, 10, 1.4), onStreams(fans(2000, 10), 6)];
/** Memory is taken in steps of megabytes, which fewer sockets would be charged with. */
const MANY_SOCKETS = 8000;

export const FULL: Plan = {
  crowds: [couples(500), couples(1000), couples(2000), couples(5000, 25), ...FANS],
  games: [CHAT, STREAMS, ...everyGame()],
  load: [PIPELINED, { ...SYNC, window: 32 }],
  arrivals: [20, 100, 500],
  pace: { rounds: 3, warmUpSeconds: 1, seconds: 3 },
  idleness: { sockets: MANY_SOCKETS, settleSeconds: 2 },
  idleCrowd: { conversations: 100_000, settleSeconds: 40, seconds: 20 },
  patience: { rounds: 3, deadlineSeconds: 60 },
  meetings: 200,
  readers: 10,
};

/** What the README states. */
export const README: Plan = {
  ...FULL,
  crowds: [couples(5000, 25), ...FANS],
  games: [
    CHAT,
    { ...CHAT, pairs: 1 },
    PIPELINED,
    STREAMS,
    { ...PIPELINED, bytes: KIB },
    { ...PIPELINED, bytes: 64 * KIB },
    { ...KEYSTROKES, bytes: MIB },
  ],
  pace: { rounds: 2, warmUpSeconds: 1, seconds: 2 },
  patience: { rounds: 2, deadlineSeconds: 60 },
};

export const QUICK: Plan = {
  crowds: [couples(500), couples(2000), fans(500, 10), onStreams(fans(500, 10), 6)],
  games: [CHAT, KEYSTROKES, PIPELINED, STREAMS, SYNC],
  load: [PIPELINED],
  arrivals: [100],
  pace: { rounds: 1, warmUpSeconds: 0.5, seconds: 1.5 },
  idleness: { sockets: 500, settleSeconds: 0.5 },
  idleCrowd: { conversations: 500, settleSeconds: 0.5, seconds: 0.5 },
  patience: { rounds: 1, deadlineSeconds: 10 },
  meetings: 20,
  readers: 2,
};

/** The groups of scenarios, by the names that `--only` takes. A proxy takes part where only bytes matter. */
export const GROUPS: Record<string, (contestants: Contestant[], plan: Plan) => AsyncGenerator<Row[]>> = {
  async *joins(all, { crowds, patience }) {
    const contestants = all.filter(({ isProxy }) => !isProxy);
    const rows: Row[] = [];
    for (const crowd of crowds) {
      const measured = await joins(contestants, crowd, patience);
      rows.push(...measured);
      yield measured;
    }
    yield growth(rows.filter(({ scenario }) => scenario.includes("two peers")));
  },
  async *throughput(contestants, { games, pace }) {
    for (const game of games) yield await throughput(contestants, game, pace);
  },
  async *arrivals(all, { arrivals: numbers, pace }) {
    const contestants = all.filter(({ isProxy }) => !isProxy);
    for (const inFlight of numbers) yield await arrivals(contestants, inFlight, pace);
  },
  async *meetings(all, { meetings: count }) {
    yield await meetings(all.filter(({ isProxy }) => !isProxy), count);
  },
  async *slow(all, { readers }) {
    yield await slowReaders(all.filter(({ isProxy }) => !isProxy), readers);
  },
  async *memory(all, { idleness, load, pace }) {
    const contestants = all.filter(({ isProxy }) => !isProxy);
    for (const kind of Object.keys(IDLE)) yield await idle(contestants, kind, idleness);
    yield await afterLoad(contestants, load, { ...pace, ...idleness });
  },
  async *crowd(all, plan) {
    yield await idleCrowd(all.filter(({ hasStreams }) => hasStreams), plan.idleCrowd);
  },
  async *bulk(all, { pace }) {
    yield await besideBulk(all.filter(({ hasStreams }) => hasStreams), pace);
  },
  instances: (_, { pace }) => instances(pace),
};

function everyGame(): Game[] {
  const sizes = [64, KIB, 64 * KIB, MIB];
  return sizes.flatMap((bytes) =>
    [1, 50].flatMap((pairs) => [1, 32].map((window) => ({ ...KEYSTROKES, bytes, pairs, window })))
  );
}
