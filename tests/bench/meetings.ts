/**
 * Two peers, one after the other: how soon after the second one's join has the first message crossed?
 *
 * @module
 */

import { introductionPath } from "../../src/protocol.ts";
import { contest, median } from "./contest.ts";
import { joinFrame, MessageCounter } from "./frames.ts";
import { Generator, type RawSocket } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { pairUp } from "./pairs.ts";
import { Ball } from "./ping_pong.ts";
import { compare, type Row } from "./report.ts";
import type { Contestant, Running } from "./servers.ts";

const BALL = new Ball(64, "binary", 1);
const INTRODUCED_MS = 5_000;

/** Lets so many pairs meet, one after the other, on every server. */
export async function meetings(contestants: Contestant[], count: number): Promise<Row[]> {
  const outcomes = await contest(contestants, 2, (server) => meetAll(server, count));
  return compare(contestants, outcomes, {
    scenario: `${count} meetings`,
    metrics: [
      { name: "median, join to first message", unit: "seconds", of: (times) => quantile(times, 0.5) },
      { name: "p99, join to first message", unit: "seconds", of: (times) => quantile(times, 0.99) },
    ],
  });
}

function meetAll(server: Running, count: number): number[] {
  using generator = new Generator(server);
  const times = Array.from({ length: count }, () => meet(generator, server));
  generator.closeAll();
  return times;
}

/** Milliseconds from the second join to the first message, with what the clients themselves need between the two. */
function meet(generator: Generator, server: Running): number {
  const documentId = crypto.randomUUID();
  const paths = [introductionPath(crypto.randomUUID()), introductionPath(crypto.randomUUID())];
  const peers = generator.open(server.port, paths);
  const introduced = peers.map(count);
  peers[0].write(joinFrame([documentId]));
  const start = performance.now();
  peers[1].write(joinFrame([documentId]));
  if (!generator.run(() => introduced.every(({ messages }) => messages > 0), INTRODUCED_MS)) {
    throw new Error(`Cannot meet: want an introduction within ${INTRODUCED_MS} ms`);
  }
  pairUp(generator, server, 1, BALL);
  return performance.now() - start;
}

function count(socket: RawSocket): { messages: number } {
  const tally = { messages: 0 };
  const counter = new MessageCounter(tally);
  const buffer = new Uint8Array(4096);
  socket.listener = { readable: () => counter.push(buffer, socket.read(buffer)) };
  return tally;
}

function quantile(times: number[], share: number): number {
  if (share === 0.5) return median(times) / 1000;
  const latencies = new Latencies();
  for (const time of times) latencies.add(time);
  return latencies.quantile(share) / 1000;
}
