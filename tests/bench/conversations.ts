/**
 * One pair, its second side on the last of several instances: latency of small messages, throughput of large ones.
 *
 * @module
 */

import { contest } from "./contest.ts";
import { type Spent, Stopwatch } from "./cost.ts";
import { Generator } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { sidePaths } from "./pairs.ts";
import { Ball, Player, Score } from "./ping_pong.ts";
import { compare, type Metric, type Row } from "./report.ts";
import { type Contestant, pidsOf, portOfLast, type Running } from "./servers.ts";
import { type Pace, playFor } from "./throughput.ts";

/** What the two say to each other. */
export interface Talk {
  readonly title: string;
  readonly bytes: number;
  /** Messages under way. */
  readonly window: number;
}

interface Result extends Spent {
  readonly messages: number;
  readonly latencies: Latencies;
}

const MEETING_MS = 10_000;
const DRAIN_MS = 5_000;

/** Lets them talk on every contestant and says how these compare. */
export async function conversations(contestants: Contestant[], talk: Talk, pace: Pace): Promise<Row[]> {
  const outcomes = await contest(contestants, pace.rounds, (server) => converse(server, talk, pace));
  return compare(contestants, outcomes, { scenario: talk.title, metrics: metrics(talk) });
}

function metrics({ bytes, window }: Talk): Metric<Result>[] {
  const latency = (share: number) => ({ latencies }: Result) => latencies.quantile(share) / 1000;
  const small: Metric<Result>[] = [
    { name: "p50", unit: "seconds", of: latency(0.5), aim: { atMost: 4 } },
    { name: "p99", unit: "seconds", of: latency(0.99) },
  ];
  const large: Metric<Result> = {
    name: "bytes",
    unit: "bytesPerSecond",
    of: ({ messages, seconds }) => messages * bytes / seconds,
    aim: { atLeast: 0.25 },
  };
  return [
    ...(window === 1 ? small : [large]),
    { name: "CPU a message", unit: "seconds", of: ({ serverSeconds, messages }) => serverSeconds / messages },
  ];
}

function converse(server: Running, { bytes, window }: Talk, { warmUpSeconds, seconds }: Pace): Result {
  using generator = new Generator(server);
  const score = new Score();
  const player = meet(generator, server, new Ball(bytes, "binary", window), score);
  player.serve(window - 1);
  playFor(generator, score, warmUpSeconds);
  const result = measure(generator, score, { server, seconds });
  score.playing = false;
  generator.run(() => score.underWay === 0, DRAIN_MS);
  generator.closeAll();
  return result;
}

/** One message to begin with: more are not held for a side that is still on its way. */
function meet(generator: Generator, server: Running, ball: Ball, score: Score): Player {
  const [paths] = sidePaths(1);
  const sockets = [server.port, portOfLast(server)].flatMap((port, i) => generator.open(port, [paths[i]]));
  const [alice, bob] = sockets.map((socket) => new Player(socket, ball, score));
  [alice.partner, bob.partner] = [bob, alice];
  alice.serve(1);
  if (generator.run(() => score.messages > 0, MEETING_MS)) return alice;
  throw new Error(`Cannot converse: want the first message to cross within ${MEETING_MS} ms, it did not`);
}

function measure(
  generator: Generator,
  score: Score,
  { server, seconds }: { server: Running; seconds: number },
): Result {
  score.latencies = new Latencies();
  const before = score.messages;
  const stopwatch = new Stopwatch(...pidsOf(server));
  playFor(generator, score, seconds);
  return { ...stopwatch.stop(), messages: score.messages - before, latencies: score.latencies };
}
