/**
 * Fuzzes the decoder of introduction messages: `deno run -A tests/fuzz/mod.ts --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fuzz } from "./fuzz.ts";

const DEFAULTS = { inputs: 1_000_000, seed: 1 };

const HELP = `Spoils real introduction messages and decodes them; no input may throw, hang or give a wrong message.

Usage: deno run -A tests/fuzz/mod.ts [--inputs N] [--seed N]

  --inputs  how many (default ${DEFAULTS.inputs})
  --seed    what is random follows from it (default ${DEFAULTS.seed})
  --help    prints this`;

if (import.meta.main) Deno.exit(main(Deno.args));

function main(args: string[]): number {
  const given = parseArgs(args, { boolean: ["help"], string: ["inputs", "seed"] });
  const [inputs, seed] = [Number(given.inputs ?? DEFAULTS.inputs), Number(given.seed ?? DEFAULTS.seed)];
  const isBad = ![inputs, seed].every((number) => Number.isInteger(number) && number > 0);
  if (given.help) console.log(HELP);
  else if (isBad) console.error(`Cannot parse --inputs or --seed: want positive integers.\n\n${HELP}`);
  else console.log(fuzz(inputs, seed));
  return isBad && !given.help ? 2 : 0;
}
