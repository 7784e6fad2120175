/**
 * The report, for people and for programs.
 *
 * @module
 */

import { shownDuration } from "./deadline.ts";
import type { Mark, Step } from "./steps/step.ts";

const MARKS: Record<Mark, string> = { ok: "✓", warning: "⚠", failed: "✗", skipped: "–" };
const NAME_WIDTH = 13;
const DURATION_WIDTH = 6;
const INDENT = " ".repeat(4);

/** The result of a whole check. */
export interface Report {
  /** The address that was checked, without a token. */
  readonly url: string;
  /** Whether everything works. */
  readonly ok: boolean;
  readonly durationMs: number;
  readonly steps: readonly Step[];
}

/** One step, as one line; as four, if there is something to do. */
export function linesOf({ mark, name, durationMs, detail, expected, got, advice }: Step): string {
  const duration = shownDuration(durationMs).padStart(DURATION_WIDTH);
  const trouble = [["expected", expected], ["got", got], ["to do", advice]].filter(([, text]) => text !== undefined);
  return [
    `${MARKS[mark]} ${name.padEnd(NAME_WIDTH)} ${duration}  ${detail ?? ""}`,
    ...trouble.map(([title, text]) => `${INDENT}${title!.padEnd(9)} ${text}`),
  ].map(printable).join("\n");
}

/** The last lines. */
export function verdictOf({ ok, durationMs, steps }: Report): string {
  const named = (wanted: Mark) => steps.filter(({ mark }) => mark === wanted).map(({ name }) => name).join(", ");
  const took = `(${shownDuration(durationMs)})`;
  if (!ok) {
    const untried = named("skipped");
    const rest = untried === "" ? "" : `\n${MARKS.skipped} Not tried: ${untried}.`;
    return `${MARKS.failed} Does not work: ${named("failed") || "it takes longer than --timeout"}. ${took}${rest}`;
  }
  if (named("warning") !== "") return `${MARKS.warning} Works, but not as it should: ${named("warning")}. ${took}`;
  return `${MARKS.ok} Everything works. ${took}`;
}

/** The report for programs. */
export function jsonOf(report: Report): string {
  const rounded = (key: string, value: unknown) => key.endsWith("Ms") ? Math.round(Number(value) * 100) / 100 : value;
  return JSON.stringify(report, rounded, 2);
}

/** Text of a server may contain control sequences for the terminal. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, "�").trimEnd();
}
