/**
 * `relay check URL`: proves a relay, ours or another, from its clients' side.
 *
 * @module
 */

import { ConfigError } from "../server/core/config_error.ts";
import { examine } from "./examination.ts";
import { Ledger } from "./ledger.ts";
import { type CheckOptions, parseCheck, UsageError } from "./options.ts";
import { probe } from "./reach.ts";
import { jsonOf, linesOf, type Report, verdictOf } from "./report.ts";
import { type Step, STEP_NAMES, type StepName } from "./step.ts";

const EXIT = { works: 0, fails: 1, badArguments: 2 } as const;

/**
 * Does what the arguments behind `relay check` ask for, prints it, and gives the exit code.
 *
 * @param args All that stands behind `check`.
 * @param env Reads a variable of the environment; only those of the relay are asked for, and only without a URL.
 */
export async function check(args: readonly string[], env: (name: string) => string | undefined): Promise<number> {
  try {
    const command = parseCheck(args, env);
    if (!("print" in command)) return await prove(command);
    console.log(command.print);
    return EXIT.works;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT.badArguments;
  }
}

async function prove(options: CheckOptions): Promise<number> {
  if (!options.json) console.log(`relay check ${options.address}\n`);
  const report = await examined(options);
  console.log(options.json ? jsonOf(report) : `\n${verdictOf(report)}`);
  return report.ok ? EXIT.works : EXIT.fails;
}

async function examined({ address, json, only, stepMs }: CheckOptions): Promise<Report> {
  const startedAt = performance.now();
  const names = only === undefined ? stepNames(address.isSecure) : [only];
  const isSilent = ({ mark }: Step) => json || mark === "skipped"; // the verdict names those
  const ledger = new Ledger({ names, stepMs, tell: (step) => isSilent(step) || console.log(linesOf(step)) });
  if (only === undefined) await examine(address, ledger);
  else await ledger.run(only, (by) => probe(only, address, by));
  return { url: `${address}`, ok: ledger.ok, durationMs: performance.now() - startedAt, steps: ledger.steps };
}

function stepNames(isSecure: boolean): StepName[] {
  return STEP_NAMES.filter((name) => isSecure || name !== "TLS");
}
