/**
 * What connections cost while nothing happens on them, and what stays behind after a load.
 *
 * @module
 */

import { introductionPath } from "../../src/protocol.ts";
import { contest } from "./contest.ts";
import { residentBytes } from "./cost.ts";
import { joinFrame } from "./frames.ts";
import { Generator } from "./generator.ts";
import { streamConversations } from "./idle_streams.ts";
import { pairUp, sidePaths } from "./pairs.ts";
import { Ball } from "./ping_pong.ts";
import { type Aim, compare, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";
import { type Game, type Pace, play, title } from "./throughput.ts";

/** How many sockets, and how long a server may settle before its memory is read. */
export interface Idleness {
  sockets: number;
  settleSeconds: number;
}

/** Opens idle sockets and returns how many things they stand for. */
type Fill = (generator: Generator, server: Running, sockets: number) => number;

const BALL = new Ball(64, "binary", 1);

/** Two KiB for both sides of a conversation, where the ancestor takes 16. */
const AIMS: Record<string, Aim> = { "pair as streams": { atMost: 0.125 } };

/** Every kind of idle socket, each on servers that were just started. */
export const IDLE: Record<string, Fill> = {
  "introduction socket": (generator, { port }, sockets) => {
    const paths = Array.from({ length: sockets }, () => introductionPath(crypto.randomUUID()));
    for (const [at, socket] of generator.open(port, paths).entries()) socket.write(joinFrame([`own-${at}`]));
    return sockets;
  },
  "pending connection": (generator, { port }, sockets) => {
    return generator.open(port, sidePaths(sockets).map(([alice]) => alice)).length;
  },
  "pair": (generator, server, sockets) => pairUp(generator, server, sockets / 2, BALL).length,
  /** Beside pairs of sockets, where the server has no streams. */
  "pair as streams": (generator, server, sockets) =>
    server.hasStreams
      ? streamConversations(generator, server, sockets / 2)
      : pairUp(generator, server, sockets / 2, BALL).length,
};

/** Resident memory per idle thing of one kind. */
export async function idle(contestants: Contestant[], kind: string, idleness: Idleness): Promise<Row[]> {
  const outcomes = await contest(contestants, 1, (server) => costOf(IDLE[kind], server, idleness));
  const scenario = `${idleness.sockets} idle sockets`;
  return compare(contestants, outcomes, {
    scenario,
    metrics: [{ name: `memory per ${kind}`, unit: "bytes", of: (bytes) => bytes, aim: AIMS[kind] }],
  });
}

/** Resident memory at the start, and after games when all their sockets are closed. */
export async function afterLoad(contestants: Contestant[], games: Game[], pace: Pace & Idleness): Promise<Row[]> {
  const outcomes = await contest(contestants, 1, (server) => {
    using generator = new Generator(server);
    const before = residentBytes(...pidsOf(server));
    for (const game of games) play(server, game, pace);
    return { before, after: settled(generator, server, pace.settleSeconds) };
  });
  return compare(contestants, outcomes, {
    scenario: `load of ${games.map(title).join(" and ")}`,
    metrics: [
      { name: "memory before", unit: "bytes", of: ({ before }) => before },
      { name: "memory after", unit: "bytes", of: ({ after }) => after },
    ],
  });
}

/** Resident memory of a server to which nobody has come. */
export async function restingMemory(contestants: Contestant[]): Promise<Row[]> {
  const outcomes = await contest(contestants, 1, ({ pid }) => residentBytes(pid));
  const metrics = [{ name: "memory of an instance", unit: "bytes", of: (bytes: number) => bytes } as const];
  return compare(contestants, outcomes, { scenario: "at the start", metrics });
}

/** The first sockets pay for what a server loads once, so they are not counted. */
function costOf(fill: Fill, server: Running, { sockets, settleSeconds }: Idleness): number {
  using generator = new Generator(server);
  fill(generator, server, 100);
  const before = settled(generator, server, settleSeconds);
  const things = fill(generator, server, sockets);
  const after = settled(generator, server, settleSeconds);
  generator.closeAll();
  return (after - before) / things;
}

function settled(generator: Generator, server: Running, seconds: number): number {
  generator.run(() => false, seconds * 1000);
  return residentBytes(...pidsOf(server));
}
