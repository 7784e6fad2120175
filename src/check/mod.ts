/**
 * `relay check URL`: tests any relay, as its clients see it.
 *
 * @module
 */

import { ConfigError } from "../server/core/config_error.ts";
import { runSteps } from "./all_steps.ts";
import { StepRunner } from "./step_runner.ts";
import { type CheckOptions, parseCheck, UsageError } from "./options.ts";
import { probe } from "./steps/reach.ts";
import { jsonOf, linesOf, type Report, verdictOf } from "./report.ts";
import { type Step, STEP_NAMES, type StepName } from "./steps/step.ts";

const EXIT = { works: 0, fails: 1, badArguments: 2 } as const;

/**
 * Runs `relay check` with these arguments, prints the report, and resolves to the exit code.
 *
 * @param args The arguments behind `check`.
 * @param env Reads a variable of the environment; called only for those of the relay, and only without a URL.
 */
export async function check(args: readonly string[], env: (name: string) => string | undefined): Promise<number> {
  try {
    const command = parseCheck(args, env);
    if (!("print" in command)) return await run(command);
    console.log(command.print);
    return EXIT.works;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT.badArguments;
  }
}

async function run(options: CheckOptions): Promise<number> {
  if (!options.json) console.log(`relay check ${options.address}\n`);
  const report = await reportOf(options);
  console.log(options.json ? jsonOf(report) : `\n${verdictOf(report)}`);
  return report.ok ? EXIT.works : EXIT.fails;
}

async function reportOf({ address, json, only, stepMs }: CheckOptions): Promise<Report> {
  const startedAt = performance.now();
  const names = only === undefined ? stepNames(address.isSecure) : [only];
  const isSilent = ({ mark }: Step) => json || mark === "skipped"; // the verdict names those
  const runner = new StepRunner({ names, stepMs, done: (step) => isSilent(step) || console.log(linesOf(step)) });
  if (only === undefined) await runSteps(address, runner);
  else await runner.run(only, (by) => probe(only, address, by));
  return { url: `${address}`, ok: runner.ok, durationMs: performance.now() - startedAt, steps: runner.steps };
}

function stepNames(isSecure: boolean): StepName[] {
  return STEP_NAMES.filter((name) => isSecure || name !== "TLS");
}
