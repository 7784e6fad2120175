/**
 * Lets thousands of peers loose on a relay: `deno run -A tests/soak/mod.ts --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { VARIANTS } from "../helpers/transports.ts";
import { soak, type SoakOptions } from "./soak.ts";

/** 2,000 peers take 8,000 sockets of the relay's 10,000, and as many descriptors of ours. */
const DEFAULTS = { peers: 2_000, steps: 100_000, seconds: 600, seed: 1, instances: 1, streams: "0", variant: "deno" };
const NAMES = VARIANTS.map(({ name }) => name).join(", ");

const HELP = `Peers join, connect, talk, drop and send garbage at random; nothing may be lost, changed or left behind.
Runs twice, since the first round only warms the relay up. Linux only.

Usage: deno run -A tests/soak/mod.ts [--peers N] [--steps N] [--seconds N] [--seed N] [--instances N] [--streams SHARE] [--variant NAME]

  --peers      how many (default ${DEFAULTS.peers}; each takes 4 sockets)
  --steps      actions in each round (default ${DEFAULTS.steps})
  --seconds    ends a round earlier (default ${DEFAULTS.seconds})
  --seed       what is random follows from it (default ${DEFAULTS.seed})
  --instances  more than 1 act as one over a NATS server; then instances and NATS are killed, replaced and frozen
               in the second round (default ${DEFAULTS.instances})
  --streams    the share of peers that speak protocol 5, from 0 to 1 (default ${DEFAULTS.streams})
  --variant    one of ${NAMES} (default ${DEFAULTS.variant})
  --help       prints this`;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const options = parse(args);
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options === undefined) console.log(HELP);
  else console.log(await soak(options));
  return 0;
}

function parse(args: string[]): SoakOptions | string | undefined {
  const given = parseArgs(args, { boolean: ["help"], string: Object.keys(DEFAULTS) });
  if (given.help) return;
  const number = (name: Exclude<keyof typeof DEFAULTS, "variant" | "streams">) => Number(given[name] ?? DEFAULTS[name]);
  const numbers = {
    peers: number("peers"),
    steps: number("steps"),
    seconds: number("seconds"),
    seed: number("seed"),
    instances: number("instances"),
  };
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isInteger(value) || value < 1) return `Cannot parse --${name}: want a positive integer.\n\n${HELP}`;
  }
  const variant = VARIANTS.find(({ name }) => name === (given.variant ?? DEFAULTS.variant));
  if (variant === undefined) return `Cannot parse --variant: want one of ${NAMES}.\n\n${HELP}`;
  const streams = Number(given.streams ?? DEFAULTS.streams);
  if (!(streams >= 0 && streams <= 1)) return `Cannot parse --streams: want a number from 0 to 1.\n\n${HELP}`;
  return { ...numbers, variant, streams };
}
