/** Outcomes as a table for the README. */

import type { Outcome } from "./stage.ts";

const HEAD = ["attack", "relay", "alive?", "peak memory", "an innocent pair: p50 / p99 / longest", "the attacker"];

/** A Markdown table. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.attack,
    outcome.contestant,
    life(outcome),
    `${Math.round(outcome.peakMib)} MiB`,
    noticed(outcome),
    outcome.attacker,
  ]);
  return [HEAD, HEAD.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function life({ exitCode }: Outcome): string {
  if (exitCode === undefined) return "yes";
  return exitCode === 75 ? "restarts (exit code 75)" : `**no** (exit code ${exitCode})`;
}

function noticed({ noticed: { end, medianMs, p99Ms, slowestMs } }: Outcome): string {
  const times = [medianMs, p99Ms, slowestMs].map((ms) => ms < 10 ? ms.toFixed(1) : `${Math.round(ms)}`);
  return `${end === undefined ? "" : `was closed: ${end}; `}${times.join(" / ")} ms`;
}
