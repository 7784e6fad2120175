/**
 * Attacks the ancestor and this relay on both transports, side by side: `deno run -A tests/attacks/mod.ts --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { ATTACKS } from "./attacks.ts";
import { ANCESTOR, OURS } from "./contestants.ts";
import { type Attack, type Outcome, play } from "./stage.ts";
import { table } from "./table.ts";

/** Longer than a stalled reader is borne on `tcp`, which is the longest that anything takes. */
const PATIENCE = { seconds: 80 };

const HELP =
  `Attacks @localfirst/relay@4.2.2 and this relay, and prints what came of it as a Markdown table. Linux only.

Usage: deno run -A tests/attacks/mod.ts [--only ${Object.keys(ATTACKS).join(",")}]

Attacks on one of two instances need nats-server.

  --only  just these attacks, separated by commas
  --help  prints this

Takes about five minutes. Progress is told on stderr.`;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const { only, help } = parseArgs(args, { boolean: ["help"], string: ["only"] });
  const names: string[] = only?.split(",") ?? Object.keys(ATTACKS);
  const unknown = names.find((name) => !Object.hasOwn(ATTACKS, name));
  if (help) console.log(HELP);
  else if (unknown !== undefined) console.error(`Unknown attack ${unknown}\n\n${HELP}`);
  else console.log(table(await playAll(names.map((name) => ATTACKS[name as keyof typeof ATTACKS]))));
  return unknown !== undefined && !help ? 2 : 0;
}

async function playAll(attacks: Attack[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const attack of attacks) {
    for (const contestant of attack.oursOnly ? OURS : [ANCESTOR, ...OURS]) {
      const outcome = await play(attack, contestant, PATIENCE);
      console.error(table([outcome]).split("\n")[2]);
      outcomes.push(outcome);
    }
  }
  return outcomes;
}
