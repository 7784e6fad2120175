/**
 * The steps of a check, and their results.
 *
 * @module
 */

/** All steps, in this order. */
export const STEP_NAMES = [
  "reachable",
  "TLS",
  "WebSocket",
  "introduction",
  "pairing",
  "text",
  "binary",
  "empty frames",
  "order",
  "latency",
  "large message",
  "held frames",
  "close",
  "protocol 5",
] as const;

/** Health checks, each of which runs alone. */
export type ProbeName = "live" | "ready";

/** A part of the check. */
export type StepName = typeof STEP_NAMES[number] | ProbeName;

/** Works; works, but not as it should; does not work; not tried. */
export type Mark = "ok" | "warning" | "failed" | "skipped";

/** Round trips from peer to peer and back. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly roundTrips: number;
}

/** What is wrong, and what to do about it. */
export interface Trouble {
  readonly expected: string;
  readonly got: string;
  readonly advice: string;
}

/** The result of one step. */
export interface Finding extends Partial<Trouble> {
  readonly mark: Mark;
  readonly detail?: string;
  readonly latency?: Latency;
  /** The highest protocol that the relay speaks, by number; undefined for one that was before they had numbers. */
  readonly protocol?: number;
}

/** One line of the report. */
export interface Step extends Finding {
  readonly name: StepName;
  readonly durationMs: number;
}

/** Ends a step: it failed. */
export class Fault extends Error {
  override name = "Fault";

  constructor(readonly trouble: Trouble) {
    super(trouble.got);
  }
}

/** It works. */
export function works(detail: string): Finding {
  return { mark: "ok", detail };
}

/** It works, but not as it should. */
export function degraded(detail: string, trouble: Trouble): Finding {
  return { mark: "warning", detail, ...trouble };
}

/** The usual reason why peers do not meet. */
export const SEVERAL_INSTANCES =
  "If the relay runs as several instances, run only one, or let them share a backplane (--nats); else look at its log.";
