/**
 * What happens to instances, and to NATS between them.
 *
 * @module
 */

import { LIMITS } from "../../src/server/limits.ts";
import type { Chance } from "./chance.ts";
import type { TestedRelays } from "./tested_relays.ts";

/** Milliseconds of standing still that pairs outlive, on a busy machine too. */
const SHORT_MS = 1_000;
/** Milliseconds after which all who wait for an answer have given up. */
const LONG_MS = LIMITS.receiptMs + LIMITS.inspectMs + 1_500;
/** Milliseconds without NATS: more than its clients need to notice. */
const CUT_MS = 500;

const KILLS = {
  instanceKilled: (relays: TestedRelays) => relays.replace(),
  natsKilled: (relays: TestedRelays) => relays.cut(CUT_MS),
};
const FREEZES = {
  frozenForMoments: (relays: TestedRelays) => relays.freeze(SHORT_MS, false),
  frozenForLong: (relays: TestedRelays) => relays.freeze(LONG_MS, true),
};

/** Lets each happen at least once, and again while `goesOn`. Kills come also while somebody is frozen. */
export async function fail(relays: TestedRelays, chance: Chance, goesOn: () => boolean) {
  const counts: Record<string, number> = {};
  await Promise.all([KILLS, FREEZES].map(async (kind) => {
    do {
      for (const [name, happen] of chance.shuffled(Object.entries(kind))) {
        await happen(relays);
        counts[name] = (counts[name] ?? 0) + 1;
      }
    } while (goesOn());
  }));
  return counts;
}
