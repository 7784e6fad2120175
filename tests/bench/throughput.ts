/**
 * Pairs that play ping-pong through the relay: messages, bytes, processor time and latency.
 *
 * @module
 */

import { contest } from "./contest.ts";
import { doubts, type Spent, Stopwatch } from "./cost.ts";
import type { Kind } from "./frames.ts";
import { Generator } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { type Pair, pairUp } from "./pairs.ts";
import { Ball, Player, Score } from "./ping_pong.ts";
import { type Aim, compare, type Metric, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";
import { streamPairs } from "./stream_pairs.ts";

/** One combination to measure. */
export interface Game {
  bytes: number;
  kind: Kind;
  pairs: number;
  /** Messages under way in each pair. */
  window: number;
  /** On streams of protocol 5, where the server has them, against connections where it has not. */
  streams?: boolean;
}

/** How long, and how often. */
export interface Pace {
  rounds: number;
  warmUpSeconds: number;
  seconds: number;
}

/** What one round of one server gave. */
interface Result extends Spent {
  messages: number;
  p99Seconds: number;
}

/** From this size on bytes are counted. */
const LARGE = 64 * 1024;
const DRAIN_MS = 5_000;

/** Plays one game on every server and says how they compare. */
export async function throughput(contestants: Contestant[], game: Game, pace: Pace): Promise<Row[]> {
  const outcomes = await contest(contestants, pace.rounds, (server) => play(server, game, pace));
  return compare(contestants, outcomes, { scenario: title(game), metrics: metrics(game), doubts });
}

/** For the report: what is played. */
export function title({ bytes, kind, pairs, window, streams }: Game): string {
  const size = bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${bytes / 1024} KiB` : `${bytes / 1024 ** 2} MiB`;
  return `${size} ${kind} x ${pairs}, ${window === 1 ? "unpipelined" : `${window} under way`}${
    streams ? ", streams" : ""
  }`;
}

function metrics(game: Game): Metric<Result>[] {
  const isTypical = game.bytes === 64 && game.pairs === 50 && game.window === 1;
  const aim = isTypical ? { atLeast: 1.2 } : game.streams ? { atLeast: 12 } : undefined;
  return [
    game.bytes < LARGE ? messageRate(aim) : byteRate(game.bytes, { atLeast: 3.4 }),
    {
      name: "CPU a message",
      unit: "seconds",
      of: ({ serverSeconds, messages }) => serverSeconds / messages,
      aim: isTypical ? { atMost: 0.85 } : undefined,
    },
    { name: "p99 latency", unit: "seconds", of: ({ p99Seconds }) => p99Seconds, aim: { atMost: 1 } },
  ];
}

function messageRate(aim: Aim | undefined): Metric<Result> {
  return { name: "messages", unit: "perSecond", of: ({ messages, seconds }) => messages / seconds, aim };
}

function byteRate(bytes: number, aim: Aim): Metric<Result> {
  return { name: "bytes", unit: "bytesPerSecond", of: ({ messages, seconds }) => messages * bytes / seconds, aim };
}

/** Plays one round of a game on one server. */
export function play(server: Running, game: Game, pace: Pace): Result {
  using generator = new Generator(server);
  const ball = new Ball(game.bytes, game.kind, game.window, server.listener === undefined);
  const score = new Score();
  const players = game.streams && server.hasStreams
    ? streamPairs(generator, server, game, score)
    : pairUp(generator, server, game.pairs, ball).map((pair) => seat(pair, ball, score));
  for (const player of players) player.serve(game.window);
  playFor(generator, score, pace.warmUpSeconds);
  const result = measure(generator, score, { server, seconds: pace.seconds });
  score.playing = false;
  generator.run(() => score.underWay === 0, DRAIN_MS);
  // A proxy does not know a close frame.
  if (server.listener === undefined) generator.closeAll();
  return result;
}

function seat([alice, bob]: Pair, ball: Ball, score: Score): Player {
  const players = [new Player(alice, ball, score), new Player(bob, ball, score)];
  players[0].partner = players[1];
  players[1].partner = players[0];
  return players[0];
}

function measure(
  generator: Generator,
  score: Score,
  { server, seconds }: { server: Running; seconds: number },
): Result {
  score.latencies = new Latencies();
  const messagesBefore = score.messages;
  const stopwatch = new Stopwatch(...pidsOf(server));
  playFor(generator, score, seconds);
  const spent = stopwatch.stop();
  return { ...spent, messages: score.messages - messagesBefore, p99Seconds: score.latencies.quantile(0.99) / 1000 };
}

/** Lets the players play. Throws when the server cuts one of them. */
export function playFor(generator: Generator, score: Score, seconds: number): void {
  generator.run(() => score.cut > 0, seconds * 1000);
  if (score.cut > 0) throw new Error(`the server cut a connection with ${score.underWay} messages under way`);
}
