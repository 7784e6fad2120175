/**
 * What a run measures: in full, and in under a minute.
 *
 * @module
 */

import { couples, type Crowd, fans, growth, joins, type Patience } from "./joins.ts";
import { afterLoad, IDLE, idle, type Idleness } from "./memory.ts";
import type { Row } from "./report.ts";
import type { Contestant } from "./servers.ts";
import { type Game, type Pace, throughput } from "./throughput.ts";

/** How much is measured. */
export interface Plan {
  crowds: Crowd[];
  games: Game[];
  /** Played before memory is read a last time. */
  load: Game[];
  pace: Pace;
  idleness: Idleness;
  patience: Patience;
}

const KIB = 1024;
const MIB = 1024 * KIB;

const CHAT: Game = { bytes: 64, kind: "text", pairs: 50, window: 1 };
const KEYSTROKES: Game = { ...CHAT, kind: "binary" };
const PIPELINED: Game = { ...KEYSTROKES, window: 32 };
const SYNC: Game = { ...KEYSTROKES, bytes: 64 * KIB };

export const FULL: Plan = {
  crowds: [couples(500), couples(1000), couples(2000), couples(5000, 25), fans(2000, 10, 1.4)],
  games: [CHAT, ...everyGame()],
  load: [PIPELINED, { ...SYNC, window: 32 }],
  pace: { rounds: 3, warmUpSeconds: 1, seconds: 3 },
  idleness: { sockets: 2000, settleSeconds: 2 },
  patience: { rounds: 3, deadlineSeconds: 60 },
};

export const QUICK: Plan = {
  crowds: [couples(500), couples(2000), fans(500, 10)],
  games: [CHAT, KEYSTROKES, PIPELINED, SYNC],
  load: [PIPELINED],
  pace: { rounds: 1, warmUpSeconds: 0.5, seconds: 1.5 },
  idleness: { sockets: 500, settleSeconds: 0.5 },
  patience: { rounds: 1, deadlineSeconds: 10 },
};

/** The groups of scenarios, by the names that `--only` takes. */
export const GROUPS: Record<string, (contestants: Contestant[], plan: Plan) => AsyncGenerator<Row[]>> = {
  async *joins(contestants, { crowds, patience }) {
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
  async *memory(contestants, { idleness, load, pace }) {
    for (const kind of Object.keys(IDLE)) yield await idle(contestants, kind, idleness);
    yield await afterLoad(contestants, load, { ...pace, ...idleness });
  },
};

function everyGame(): Game[] {
  const sizes = [64, KIB, 64 * KIB, MIB];
  return sizes.flatMap((bytes) =>
    [1, 50].flatMap((pairs) => [1, 32].map((window) => ({ ...KEYSTROKES, bytes, pairs, window })))
  );
}
