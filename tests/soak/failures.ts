/**
 * What happens to instances, and to NATS between them.
 *
 * @module
 */

import { LIMITS } from "../../src/server/core/limits.ts";
import type { Chance } from "./chance.ts";
import type { TestedRelays } from "./tested_relays.ts";

/** Milliseconds of standing still that pairs outlive, on a busy machine too. */
const SHORT_MS = 1_000;
/** Milliseconds after which all who wait for an answer have given up. */
const LONG_MS = LIMITS.receiptMs + LIMITS.inspectMs + 1_500;
/** Milliseconds without NATS: more than its clients need to notice. */
const CUT_MS = 500;

/** Milliseconds between two failures, in which peers find each other and talk. */
const REST_MS = 1_000;

type Failures = Record<string, (relays: TestedRelays) => Promise<void>>;

export const KILLS: Failures = {
  instanceKilled: (relays: TestedRelays) => relays.replace(),
  natsKilled: (relays: TestedRelays) => relays.cut(CUT_MS),
};
export const FREEZES: Failures = {
  frozenForMoments: (relays: TestedRelays) => relays.freeze(SHORT_MS, false),
  frozenForLong: (relays: TestedRelays) => relays.freeze(LONG_MS, true),
};

/** Lets each happen at least once, and again while `goesOn`. Those of one kind come in turn, whatever the others do. */
export async function fail(
  relays: TestedRelays,
  chance: Chance,
  { kinds, goesOn }: { kinds: readonly Failures[]; goesOn: () => boolean },
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await Promise.all(kinds.map(async (kind) => {
    do {
      for (const [name, happen] of chance.shuffled(Object.entries(kind))) {
        await happen(relays);
        counts[name] = (counts[name] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
      }
    } while (goesOn());
  }));
  return counts;
}
