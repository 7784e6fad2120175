/** Outcomes as a table for the README. */

import type { Outcome } from "./stage.ts";

const HEAD = ["attack", "relay", "alive?", "peak memory", "what an innocent pair noticed", "the attacker"];
/** Below this nobody notices anything. */
const NOTICEABLE_MS = 250;

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

function noticed({ noticed: { end, slowestMs } }: Outcome): string {
  if (end !== undefined) return `was closed: ${end}`;
  return slowestMs < NOTICEABLE_MS ? "nothing" : `a word took ${(slowestMs / 1000).toFixed(1)} s`;
}
