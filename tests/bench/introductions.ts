/**
 * Peers on each of several instances who are interested in the same: how soon all have heard of a join.
 *
 * @module
 */

import { introductionPath } from "../../src/protocol.ts";
import { contest } from "./contest.ts";
import { type Spent, Stopwatch } from "./cost.ts";
import { joinFrame, MessageCounter, type Tally } from "./frames.ts";
import { Generator, type RawSocket } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { compare, type Row } from "./report.ts";
import { type Contestant, pidsOf, portOfLast, type Running } from "./servers.ts";
import type { Pace } from "./throughput.ts";

const JOINS = 500;
/** As many as a peer may have, told of in one message. */
const DOCUMENTS = 10_000;
const INTRODUCED_MS = 10_000;

interface Result extends Spent {
  readonly latencies: Latencies;
}

/** One peer joins again and again, one of the last instance is introduced to it. */
export async function introductions(contestants: Contestant[], { rounds }: Pace): Promise<Row[]> {
  const outcomes = await contest(contestants, rounds, joinAgain);
  return compare(contestants, outcomes, {
    scenario: `an introduction, ${JOINS} one by one`,
    metrics: [
      { name: "p50", unit: "seconds", of: ({ latencies }) => latencies.quantile(0.5) / 1000 },
      { name: "CPU an introduction", unit: "seconds", of: ({ serverSeconds }) => serverSeconds / JOINS },
    ],
  });
}

/** One peer joins many documents; on each instance somebody is interested in the last of them. */
export async function documents(contestants: Contestant[], { rounds }: Pace): Promise<Row[]> {
  const outcomes = await contest(contestants, rounds, joinMany);
  return compare(contestants, outcomes, {
    scenario: `${DOCUMENTS} documents joined by one peer`,
    metrics: [
      { name: "until the last is heard of", unit: "seconds", of: ({ seconds }) => seconds },
      { name: "CPU", unit: "seconds", of: ({ serverSeconds }) => serverSeconds },
    ],
  });
}

function joinAgain(server: Running): Result {
  using generator = new Generator(server);
  const [documentId, latencies] = [crypto.randomUUID(), new Latencies()];
  const [alice, bob] = [server.port, portOfLast(server)].map((port) => new Listener(generator, port));
  const both = () => Math.min(alice.tally.messages, bob.tally.messages);
  bob.join([documentId]);
  const joinOnce = (times: number) => {
    const start = performance.now();
    alice.join([documentId]);
    until(generator, () => both() >= times);
    return performance.now() - start;
  };
  joinOnce(1);
  const stopwatch = new Stopwatch(...pidsOf(server));
  for (let at = 0; at < JOINS; at++) latencies.add(joinOnce(both() + 1));
  const spent = stopwatch.stop();
  generator.closeAll();
  return { ...spent, latencies };
}

function joinMany(server: Running): Spent {
  using generator = new Generator(server);
  const documentIds = Array.from({ length: DOCUMENTS }, () => crypto.randomUUID());
  const { port, others: instances = [] } = server;
  const ports = [port, ...instances.length > 0 ? instances.map(({ port }) => port) : [port]];
  const [alice, ...others] = ports.map((port) => new Listener(generator, port));
  for (const other of others) other.join(documentIds.slice(-1));
  const stopwatch = new Stopwatch(...pidsOf(server));
  alice.join(documentIds);
  until(generator, () => others.every(({ tally }) => tally.messages > 0) && alice.tally.messages > 0);
  const spent = stopwatch.stop();
  generator.closeAll();
  return spent;
}

/** A peer that counts its introductions. */
class Listener {
  readonly tally: Tally = { messages: 0 };
  readonly #socket: RawSocket;

  constructor(generator: Generator, port: number) {
    [this.#socket] = generator.open(port, [introductionPath(crypto.randomUUID())]);
    const counter = new MessageCounter(this.tally);
    const buffer = new Uint8Array(64 * 1024);
    this.#socket.listener = { readable: (socket) => counter.push(buffer, socket.read(buffer)) };
  }

  join(documentIds: string[]): void {
    let unsent = joinFrame(documentIds);
    // A large one does not fit the kernel's buffer at once.
    while (unsent.length > 0) unsent = unsent.subarray(this.#socket.write(unsent));
  }
}

function until(generator: Generator, done: () => boolean): void {
  if (generator.run(done, INTRODUCED_MS)) return;
  throw new Error(`Cannot introduce: want an introduction within ${INTRODUCED_MS} ms, none came`);
}
