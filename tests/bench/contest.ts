/**
 * Measures every server in one run, in turns, so that whatever else the machine does strikes them alike.
 *
 * @module
 */

import type { Contestant, Running } from "./servers.ts";

/** What one server's rounds gave, and why they ended early if they did. */
export interface Outcome<Result> {
  readonly results: Result[];
  failure?: string;
}

/** Takes one measurement, in the given round. */
export type Measure<Result> = (server: Running, round: number) => Result;

/** Starts every contestant, lets them take turns, and stops them. The order turns around in every round. */
export async function contest<Result>(
  contestants: Contestant[],
  rounds: number,
  measure: Measure<Result>,
): Promise<Outcome<Result>[]> {
  const entries = await Promise.all(contestants.map(enter<Result>));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const entry of round % 2 ? entries.toReversed() : entries) takeTurn(entry, measure, round);
    }
  } finally {
    await Promise.all(entries.map(({ server }) => server.stop()));
  }
  return entries.map(({ outcome }) => outcome);
}

interface Entry<Result> {
  server: Running;
  outcome: Outcome<Result>;
}

async function enter<Result>(contestant: Contestant): Promise<Entry<Result>> {
  return { server: await contestant.start(), outcome: { results: [] } };
}

/** A server that failed once, by crashing for example, is not asked again. */
function takeTurn<Result>({ server, outcome }: Entry<Result>, measure: Measure<Result>, round: number): void {
  if (outcome.failure !== undefined) return;
  try {
    outcome.results.push(measure(server, round));
  } catch (error) {
    outcome.failure = error instanceof Error ? error.message : String(error);
  }
}

/** The middle one of several measurements; NaN of none. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
