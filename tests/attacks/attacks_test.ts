/** What every attack may do to our relay, on both transports. The ancestor's part is in the table of `mod.ts`. */

import { assertEquals, assertMatch } from "@std/assert";
import { ATTACKS } from "./attacks.ts";
import { OURS } from "./contestants.ts";
import { withProgram } from "../helpers/programs.ts";
import { type Attack, type Outcome, play } from "./stage.ts";
import { table } from "./table.ts";

/** What must hold. Where a row says nothing, the relay lives, in little memory, and nobody else is closed. */
interface Expected {
  readonly attacker: RegExp;
  readonly exitCode?: number;
  readonly mostMib?: number;
  /** Milliseconds that a word of the innocents may take; Infinity where the runtime leaves us no choice. */
  readonly longestMs?: number;
  /** Milliseconds that the relay may work between a word and its echo. */
  readonly mostWorkMs?: number;
}

/** Enough to see a flood cut; a stalled reader on `tcp`, which is borne for a minute, is left after this. */
const PATIENCE = { seconds: 3 };
/** A relay at rest takes 55; a flood leaves garbage behind that the collector has not got round to. */
const MOST_MIB = 600;
/** The watchdog looks every second, and a second of this machine's loopback is up to 2 GiB. */
const WATCHDOG_MIB = 4_096;

/**
 * A hundred is the aim, which a machine that others use at the same time misses by as much as it is busy. On `deno` the
 * runtime reads whatever comes before anybody has a turn: 330 to 630 ms on an idle machine, 1,070 on one half as fast.
 */
const LONGEST_MS = { deno: 2_000, tcp: 1_000 };
/** What the relay works meanwhile is its own doing, however busy the machine is. */
const MOST_WORK_MS = { deno: 250, tcp: 100 };
/** A machine in a data centre may be half as fast as the one that these were measured on, and its collector as late. */
const MACHINE_FACTOR = 4;

/** All that streams make the relay keep is counted from the first byte, on both transports. */
const STREAMS = { mostMib: 300 };

/** However often it is closed, it may come again. */
const SERVED = /^\d+ messages in \d+ connections$/;

const EXPECTED: Record<keyof typeof ATTACKS, { deno: Expected; tcp: Expected }> = {
  msgpackNil: both({ attacker: /^closed with 1008$/ }),
  leaveWithoutIds: both({ attacker: /^closed with 1008$/ }),
  unpairedHold: {
    deno: { attacker: /^(closed with 1013|hung up on) / },
    tcp: { attacker: /^left open after \d{1,2} MiB$/ },
  },
  lastWords: both({ attacker: /^left open$/ }),
  stalledReader: {
    // The runtime reads half a gigabyte faster than the collector gets round to it.
    deno: { attacker: /^(closed with 1013|hung up on) /, mostMib: 1_024, mostWorkMs: 1_000 },
    tcp: { attacker: /^left open after \d{1,2} MiB$/ },
  },
  staleSocket: both({ attacker: /^the peer is found$/ }),
  tinyFrames: { deno: { attacker: /^(closed with 1013|hung up on) / }, tcp: { attacker: /^left open / } },
  emptyFrames: both({ attacker: /^(closed with 1008|hung up on) / }),
  endlessFragments: {
    deno: { attacker: /^(closed with 1012|hung up on|left open) /, exitCode: 75, mostMib: WATCHDOG_MIB },
    // The attacker has no partner: what it says is held, up to the bound of a hold.
    tcp: { attacker: /^left open after \d{1,2} MiB$/ },
  },
  handshakeResets: {
    deno: { attacker: /restart|comes in/, exitCode: 75 },
    // With TLS each of them is a handshake begun, and those of many come in one turn: 25 to 370 ms were seen.
    tcp: { attacker: /^a newcomer comes in after [01] s$/, mostWorkMs: 1_000 },
  },
  silentConnections: {
    deno: { attacker: /restart|comes in/, exitCode: 75 },
    // As soon as the silent ones are hung up on.
    tcp: { attacker: /^a newcomer comes in after \d{1,2} s$/ },
  },
  pingFlood: { deno: { attacker: /./, longestMs: Infinity }, tcp: { attacker: /^(closed with 1008|hung up on)$/ } },
  busyPairs: { deno: { attacker: /./, longestMs: Infinity }, tcp: { attacker: /^all are served$/ } },
  bulkPairs: { deno: { attacker: /./, longestMs: Infinity }, tcp: { attacker: /^all are served$/ } },
  // The aim is the whole, which a machine that others use at the same time misses; a third is what it was.
  pinnedReads: {
    deno: { attacker: /^bulk at \d+ %$/, longestMs: Infinity },
    tcp: { attacker: /^bulk at ([4-9]\d|\d{3}) %$/ },
  },
  unfinishedIntroductions: {
    // The runtime keeps what it was sent, and tells nobody before the message ends; only the watchdog sees it.
    deno: { attacker: /./, mostMib: WATCHDOG_MIB, longestMs: Infinity },
    tcp: { attacker: /./ },
  },
  pipelinedRequests: { deno: { attacker: /./, longestMs: Infinity }, tcp: { attacker: /./ } },
  reminders: both({ attacker: /^\d+ wait on$/ }),
  joinsAndLeaves: both({ attacker: SERVED }),
  leavesOfOneId: both({ attacker: SERVED }),
  departures: both({ attacker: SERVED }),
  crowdedMessages: both({ attacker: SERVED }),
  joinsAcross: both({ attacker: SERVED }),
  popularJoinsAcross: both({ attacker: SERVED }),
  brokenCredit: both({ ...STREAMS, attacker: /^(closed with 1002|hung up on)$/ }),
  openLoop: both({ ...STREAMS, attacker: /^(closed with 1008|hung up on)$/ }),
  // What they said before they hung up is still read.
  streamDepartures: both({ ...STREAMS, mostMib: 500, attacker: SERVED }),
  controlFloods: both({ ...STREAMS, attacker: SERVED }),
  tinyRecords: both({ ...STREAMS, attacker: /^left open after \d+ messages$/ }),
  emptyRecords: both({ ...STREAMS, attacker: /^(left open|closed with 1002|hung up on) after \d+ messages$/ }),
  deafReader: both({
    ...STREAMS,
    mostMib: 500,
    attacker: /^(left open|closed with 10(02|08)|hung up on) after \d+ MiB$/,
  }),
  unfinishedMessages: both({
    ...STREAMS,
    mostMib: 600,
    attacker: /^(left open|closed with 10(02|08|13)|hung up on) after \d+ MiB$/,
  }),
  // Borne for a minute, which only the long form waits for.
  withheldCredit: both({ ...STREAMS, attacker: /^left open$/ }),
  // A relay that is busy with the storm takes it so slowly that the attacker gives up below the burst.
  joinStorm: both({ attacker: /^(closed with 1008|hung up on|still served)$/ }),
};

const { across = [], alone = [] } = Object.groupBy(Object.entries<Attack>(ATTACKS), ([, { isAcross }]) => {
  return isAcross === true ? "across" : "alone";
});

declare(alone);
withProgram("nats-server", () => declare(across));

function declare(attacks: [string, Attack][]): void {
  for (const contestant of OURS) {
    for (const [name, attack] of attacks) {
      Deno.test(`${contestant.name} outlives: ${attack.name}`, async () => {
        const expected = EXPECTED[name as keyof typeof ATTACKS][contestant.transport!];
        const outcome = await play(attack, contestant, PATIENCE);
        // The row of the README's table.
        console.log(table([outcome]).split("\n")[2]);
        const transport = contestant.transport!;
        const bounds = { longestMs: LONGEST_MS[transport], mostWorkMs: MACHINE_FACTOR * MOST_WORK_MS[transport] };
        assertOutcome(outcome, { ...bounds, ...expected });
      });
    }
  }
}

function assertOutcome(outcome: Outcome, expected: Expected): void {
  const { attacker, exitCode, mostMib = MOST_MIB, longestMs = 0, mostWorkMs = 0 } = expected;
  const all = Deno.inspect(outcome);
  assertMatch(outcome.attacker, attacker, all);
  assertEquals(outcome.exitCode, exitCode, all);
  // A word that crosses the close of a relay that ends makes the runtime reset the connection: then there is no code.
  assertEquals(outcome.noticed.end !== undefined, exitCode !== undefined, all);
  assertEquals(outcome.noticed.slowestMs < longestMs, true, `want less than ${longestMs} ms: ${all}`);
  const isWorkBounded = longestMs !== Infinity;
  assertEquals(
    !isWorkBounded || outcome.noticed.mostWorkMs < mostWorkMs,
    true,
    `want ${mostWorkMs} ms of work: ${all}`,
  );
  assertEquals(outcome.peakMib < mostMib, true, `want less than ${mostMib} MiB: ${all}`);
}

function both(expected: Expected): { deno: Expected; tcp: Expected } {
  return { deno: expected, tcp: expected };
}
