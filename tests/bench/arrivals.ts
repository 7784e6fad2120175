/**
 * New sockets, so many of them on their way in at a time; each hangs up as soon as it is in.
 *
 * @module
 */

import { introductionPath } from "../../src/protocol.ts";
import { contest } from "./contest.ts";
import { doubts, type Spent, Stopwatch } from "./cost.ts";
import { Generator } from "./generator.ts";
import { compare, type Metric, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";
import type { Pace } from "./throughput.ts";

interface Result extends Spent {
  readonly arrivals: number;
}

const METRICS: Metric<Result>[] = [
  { name: "new sockets", unit: "perSecond", of: ({ arrivals, seconds }) => arrivals / seconds, aim: { atLeast: 1.25 } },
  { name: "CPU a new socket", unit: "seconds", of: ({ arrivals, serverSeconds }) => serverSeconds / arrivals },
];

/** Lets sockets come to every server, `inFlight` at a time. */
export async function arrivals(contestants: Contestant[], inFlight: number, pace: Pace): Promise<Row[]> {
  const outcomes = await contest(contestants, pace.rounds, (server) => arrive(server, inFlight, pace));
  return compare(contestants, outcomes, { scenario: `new sockets, ${inFlight} in flight`, metrics: METRICS, doubts });
}

function arrive(server: Running, inFlight: number, { warmUpSeconds, seconds }: Pace): Result {
  using generator = new Generator(server);
  let arrivals = 0;
  const begin = () => {
    generator.begin(server.port, introductionPath(crypto.randomUUID()), (socket) => {
      arrivals += 1;
      socket.gone = true;
      begin();
    });
  };
  for (let i = 0; i < inFlight; i++) begin();
  generator.run(() => false, warmUpSeconds * 1000);
  const before = arrivals;
  const stopwatch = new Stopwatch(...pidsOf(server));
  generator.run(() => false, seconds * 1000);
  return { ...stopwatch.stop(), arrivals: arrivals - before };
}
