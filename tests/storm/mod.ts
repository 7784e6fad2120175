/**
 * A storm of messages over pairs that come and go: `deno task storm --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { VARIANTS } from "../helpers/transports.ts";
import { storm, type StormOptions } from "./storm.ts";

const DEFAULTS = { seconds: 60, pairs: 200, meetings: 20, instances: 1, seed: 1 };
const NAMES = VARIANTS.map(({ name }) => name);

const HELP =
  `Pairs exchange messages from 0 B to 8 MiB, cut anywhere, with pings between and readers that rest, and end by
close, FIN and RST, also in the middle of a frame: on sockets of their own, and as streams of protocol 5, several in a
socket, in records of all sizes. Many join a document first and are introduced. No byte may be wrong, none lost of which
nobody hears, and nothing may wait for ever. Linux only.

Usage: deno task storm [--seconds N] [--pairs N] [--meetings N] [--instances N] [--seed N] [--variant NAME]

  --seconds    of each variant; a warm-up and a round of few before take as long together (default ${DEFAULTS.seconds}; 3600 for an hour)
  --pairs      on sockets of their own, at once (default ${DEFAULTS.pairs}; 0 for none)
  --meetings   two peers with a socket of streams each, in six conversations at once (default ${DEFAULTS.meetings}; 0 for none)
  --instances  more than 1 act as one over a NATS server; every socket comes to any of them (default ${DEFAULTS.instances}).
               On a machine that is busy with something else they may give each other up: take fewer pairs
  --seed       what is random follows from it, but for what the clock decides (default ${DEFAULTS.seed})
  --variant    one of ${NAMES.join(", ")} (default: one after the other)
  --help       prints this`;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const given = parseArgs(args, { boolean: ["help"], string: ["variant", ...Object.keys(DEFAULTS)] });
  if (given.help) {
    console.log(HELP);
    return 0;
  }
  const options = parse(given);
  if (options === undefined) {
    console.error(`Cannot parse the options: want integers from 0, at least one instance, and a name.\n\n${HELP}`);
    return 2;
  }
  for (const one of options) console.log(one.variant.name, await storm(one));
  return 0;
}

/** What to run, one after the other; undefined if it cannot be parsed. */
function parse(given: Record<string, unknown>): StormOptions[] | undefined {
  const numberOf = (name: keyof typeof DEFAULTS) => Number(given[name] ?? DEFAULTS[name]);
  const [seconds, pairs, meetings] = [numberOf("seconds"), numberOf("pairs"), numberOf("meetings")];
  const [instances, seed] = [numberOf("instances"), numberOf("seed")];
  const numbers = { seconds, pairs, meetings, instances, seed };
  const variants = VARIANTS.filter(({ name }) => given.variant === undefined || name === given.variant);
  const areIntegers = Object.values(numbers).every((value) => Number.isInteger(value) && value >= 0);
  if (variants.length === 0 || instances === 0 || !areIntegers) return undefined;
  return variants.map((variant) => ({ variant, ...numbers }));
}
