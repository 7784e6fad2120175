/**
 * Peers that are all connected and then join at once: how soon has everyone been introduced?
 *
 * @module
 */

import { introductionPath } from "../../src/protocol.ts";
import { contest } from "./contest.ts";
import { doubts, type Spent, Stopwatch } from "./cost.ts";
import { IntroductionCounter, joinArray, joinFrame, MessageCounter, type Tally } from "./frames.ts";
import { Generator, type RawSocket } from "./generator.ts";
import { compare, type Metric, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";

/** Who is interested in what. */
export interface Crowd {
  title: string;
  /** The documents of each peer. */
  documents: string[][];
  /** How many introductions come of it. */
  introductions: number;
  /** Wanted joins per second, as a multiple of the baseline's. */
  aim?: number;
  /** On protocol 5, where the server has it. */
  streams?: boolean;
}

/** How often, and how long one round may take. */
export interface Patience {
  rounds: number;
  deadlineSeconds: number;
}

interface Result extends Spent {
  joins: number;
}

const TIME_A_JOIN = "time a join";
const WARM_UP = couples(500);
const SENT_AT_ONCE = 64;

/** Each peer has one document of its own, and one that a single other peer shares. */
export function couples(peers: number, aim?: number): Crowd {
  const documents = Array.from({ length: peers }, (_, at) => [`own-${at}`, `shared-${at >> 1}`]);
  return { title: `${peers} joins, two peers a document`, documents, introductions: peers, aim };
}

/** Each peer has one of a few documents that many share. */
export function fans(peers: number, popular: number, aim?: number): Crowd {
  const documents = Array.from({ length: peers }, (_, at) => [`popular-${at % popular}`]);
  const introductions = peers * (peers / popular - 1);
  return { title: `${peers} joins, ${popular} popular documents`, documents, introductions, aim };
}

/** The same on protocol 5, against sockets as ever. */
export function onStreams(crowd: Crowd, aim: number): Crowd {
  return { ...crowd, title: `${crowd.title}, protocol 5`, aim, streams: true };
}

/** Lets one crowd join on every server and says how they compare. */
export async function joins(contestants: Contestant[], crowd: Crowd, patience: Patience): Promise<Row[]> {
  // Without a round to warm up, the small crowds would bear what a server does only once.
  const outcomes = await contest(contestants, patience.rounds + 1, (server, round) => {
    return joinAll(server, round === 0 ? WARM_UP : crowd, patience.deadlineSeconds);
  });
  for (const { results } of outcomes) results.shift();
  return compare(contestants, outcomes, { scenario: crowd.title, metrics: metrics(crowd), doubts });
}

/** How the time per join of the largest crowd compares with that of the smallest, on each server. */
export function growth(rows: Row[]): Row[] {
  const times = rows.filter(({ metric }) => metric === TIME_A_JOIN);
  return [...Map.groupBy(times, ({ server }) => server).values()].flatMap((own) => {
    const [smallest, largest] = [own[0], own[own.length - 1]];
    return own.length < 2 ? [] : [{
      ...largest,
      scenario: `${largest.scenario}, against ${smallest.scenario.split(" ")[0]}`,
      unit: "times",
      value: largest.value / smallest.value,
      baselineValue: largest.baselineValue / smallest.baselineValue,
      aim: { atMost: 1 },
      absolute: true,
    }];
  });
}

function metrics({ aim }: Crowd): Metric<Result>[] {
  return [
    {
      name: "joins",
      unit: "perSecond",
      of: ({ joins, seconds }) => joins / seconds,
      aim: aim === undefined ? undefined : { atLeast: aim },
    },
    { name: TIME_A_JOIN, unit: "seconds", of: ({ joins, seconds }) => seconds / joins },
    { name: "CPU a join", unit: "seconds", of: ({ joins, serverSeconds }) => serverSeconds / joins },
  ];
}

function joinAll(server: Running, crowd: Crowd, deadlineSeconds: number): Result {
  using generator = new Generator(server);
  const isMultiplexed = crowd.streams === true && server.hasStreams === true;
  const query = isMultiplexed ? "?protocol=5" : "";
  const paths = crowd.documents.map(() => introductionPath(crypto.randomUUID()) + query);
  const sockets = generator.open(server.port, paths);
  const introduced = listenAll(sockets, isMultiplexed);
  const frames = crowd.documents.map(isMultiplexed ? joinArray : joinFrame);
  const stopwatch = new Stopwatch(...pidsOf(server));
  sendAll(generator, sockets, frames);
  awaitAll(generator, introduced, { crowd, deadlineSeconds });
  const spent = stopwatch.stop();
  generator.closeAll();
  return { ...spent, joins: sockets.length };
}

function listenAll(sockets: RawSocket[], isMultiplexed: boolean): Tally {
  const tally = { messages: 0 };
  const buffer = new Uint8Array(256 * 1024);
  for (const socket of sockets) {
    const counter = isMultiplexed ? new IntroductionCounter(tally) : new MessageCounter(tally);
    socket.listener = { readable: () => counter.push(buffer, socket.read(buffer)) };
  }
  return tally;
}

/** Listens in between, or the introductions of a large crowd fill the kernel's buffers. */
function sendAll(generator: Generator, sockets: RawSocket[], frames: Uint8Array<ArrayBuffer>[]): void {
  for (const [at, socket] of sockets.entries()) {
    socket.write(frames[at]);
    if (at % SENT_AT_ONCE === 0) generator.turn(0);
  }
}

function awaitAll(generator: Generator, introduced: Tally, wait: { crowd: Crowd; deadlineSeconds: number }): void {
  const { documents, introductions } = wait.crowd;
  const isAlive = () => generator.size === documents.length;
  generator.run(() => introduced.messages >= introductions || !isAlive(), wait.deadlineSeconds * 1000);
  if (introduced.messages === introductions) return;
  const problem = isAlive() ? `${wait.deadlineSeconds} s passed` : "it hung up";
  throw new Error(`${problem} with ${introduced.messages} of ${introductions} introductions`);
}
