/**
 * Runs the steps one after the other, each with its deadline, and keeps their results.
 *
 * @module
 */

import { Deadline, Late } from "./deadline.ts";
import { Fault, type Finding, type Mark, type Step, type StepName } from "./steps/step.ts";

/** The whole check may take as many times the deadline of one step. */
const STEPS_IN_ALL = 3;

/** What a step runner needs to know. */
export interface StepRunnerOptions {
  /** All steps, in their order. */
  readonly names: readonly StepName[];
  /** Milliseconds that one step may take. */
  readonly stepMs: number;
  /** Called with every step when it is done. */
  readonly done?: (step: Step) => void;
}

/** Runs steps, and keeps those that are done. */
export class StepRunner {
  readonly #options: StepRunnerOptions;
  readonly #end: Deadline;
  readonly #steps: Step[] = [];

  constructor(options: StepRunnerOptions) {
    this.#options = options;
    this.#end = new Deadline(options.stepMs * STEPS_IN_ALL);
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Whether everything works. */
  get ok(): boolean {
    return this.#steps.every(({ mark }) => isGood(mark));
  }

  /** Runs one step; resolves to whether it works. */
  async run(name: StepName, examine: (by: Deadline) => Promise<Finding>): Promise<boolean> {
    const startedAt = performance.now();
    const finding = await this.#find(examine);
    this.#add({ name, ...finding, durationMs: performance.now() - startedAt });
    return isGood(finding.mark);
  }

  /** Marks all steps that were not run. */
  finish(): void {
    const failed = this.#steps.find(({ mark }) => !isGood(mark))?.name;
    const rest = this.#options.names.filter((name) => this.#steps.every((step) => step.name !== name));
    for (const name of rest) this.#add({ name, mark: "skipped", detail: `not tried: ${failed} failed`, durationMs: 0 });
  }

  async #find(examine: (by: Deadline) => Promise<Finding>): Promise<Finding> {
    const by = this.#end.sooner(this.#options.stepMs);
    if (by.ms === 0) return { mark: "skipped", detail: "not tried: out of time; give more with --timeout" };
    try {
      return await examine(by);
    } catch (error) {
      return { mark: "failed", ...troubleOf(error) };
    }
  }

  #add(step: Step): void {
    this.#steps.push(step);
    this.#options.done?.(step);
  }
}

function isGood(mark: Mark): boolean {
  return mark === "ok" || mark === "warning";
}

/** An error of the check itself is reported like any other: its users cannot read a stack trace. */
function troubleOf(error: unknown) {
  if (error instanceof Fault) return error.trouble;
  const got = error instanceof Error ? error.message : String(error);
  const advice = error instanceof Late ? "Try again, with more time: --timeout." : "Try again.";
  return { expected: "an answer", got, advice };
}
