/**
 * As many idle conversations as one instance is to carry: what they keep in memory, and what they cost while nothing
 * happens.
 *
 * @module
 */

import { contest } from "./contest.ts";
import { residentBytes, Stopwatch } from "./cost.ts";
import { Generator } from "./generator.ts";
import { streamConversations } from "./idle_streams.ts";
import { compareEachOther, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";

/** How many conversations, after how long they are idle, and how long they are watched. */
export interface IdleCrowd {
  conversations: number;
  settleSeconds: number;
  seconds: number;
}

interface Result {
  readonly bytesEach: number;
  readonly busySeconds: number;
}

/** For both sides of a conversation. */
const MOST_BYTES = 2048;

/** Only servers with streams take part: each is compared with the other. */
export async function idleCrowd(contestants: Contestant[], crowd: IdleCrowd): Promise<Row[]> {
  const outcomes = await contest(contestants, 1, (server) => watch(server, crowd));
  const aim = { aim: { atMost: MOST_BYTES }, absolute: true };
  return compareEachOther(contestants, outcomes, {
    scenario: `${crowd.conversations} idle conversations as streams`,
    metrics: [
      { name: "memory per conversation", unit: "bytes", of: ({ bytesEach }) => bytesEach, ...aim },
      { name: `CPU in ${crowd.seconds} s`, unit: "seconds", of: ({ busySeconds }) => busySeconds },
    ],
  });
}

/** Memory is read last: the collector comes when nothing else is to do. */
function watch(server: Running, { conversations, settleSeconds, seconds }: IdleCrowd): Result {
  using generator = new Generator(server);
  const before = residentBytes(...pidsOf(server));
  streamConversations(generator, server, conversations);
  generator.run(() => false, settleSeconds * 1000);
  const stopwatch = new Stopwatch(...pidsOf(server));
  generator.run(() => false, seconds * 1000);
  const { serverSeconds } = stopwatch.stop();
  return { bytesEach: (residentBytes(...pidsOf(server)) - before) / conversations, busySeconds: serverSeconds };
}
