/**
 * As many idle conversations as one instance is to carry: what they keep in memory, and what they cost while nothing
 * happens.
 *
 * @module
 */

import { contest, type Outcome } from "./contest.ts";
import { residentBytes, Stopwatch } from "./cost.ts";
import { Generator } from "./generator.ts";
import { streamConversations } from "./idle_streams.ts";
import { compare, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";

/** How many conversations, after how long they are idle, and how long they are watched. */
export interface Crowd {
  conversations: number;
  settleSeconds: number;
  seconds: number;
}

interface Result {
  readonly bytesEach: number;
  readonly busySeconds: number;
}

const MEMORY = "memory per conversation";
/** For both of its sides. */
const MOST_BYTES = 2048;

/** Only servers with streams take part: each is compared with the other. */
export async function crowd(contestants: Contestant[], plan: Crowd): Promise<Row[]> {
  const outcomes = await contest(contestants, 1, (server) => watch(server, plan));
  const rows = [
    ...read(contestants, outcomes, plan),
    ...read(contestants.toReversed(), outcomes.toReversed(), plan),
  ];
  return rows.map((row) => row.metric === MEMORY ? { ...row, aim: { atMost: MOST_BYTES }, absolute: true } : row);
}

function read(contestants: Contestant[], outcomes: Outcome<Result>[], { conversations, seconds }: Crowd): Row[] {
  return compare(contestants, outcomes, {
    scenario: `${conversations} idle conversations as streams`,
    metrics: [
      { name: MEMORY, unit: "bytes", of: ({ bytesEach }) => bytesEach },
      { name: `CPU in ${seconds} s`, unit: "seconds", of: ({ busySeconds }) => busySeconds },
    ],
  });
}

/** Memory is read last: the collector comes when nothing else is to do. */
function watch(server: Running, { conversations, settleSeconds, seconds }: Crowd): Result {
  using generator = new Generator(server);
  const before = residentBytes(...pidsOf(server));
  streamConversations(generator, server, conversations);
  generator.run(() => false, settleSeconds * 1000);
  const stopwatch = new Stopwatch(...pidsOf(server));
  generator.run(() => false, seconds * 1000);
  const { serverSeconds } = stopwatch.stop();
  return { bytesEach: (residentBytes(...pidsOf(server)) - before) / conversations, busySeconds: serverSeconds };
}
