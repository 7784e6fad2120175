/**
 * Measurements side by side: what counts is the ratio, since times are this machine's.
 *
 * @module
 */

import { median, type Outcome } from "./contest.ts";
import type { Contestant } from "./servers.ts";

/** What is wanted of a ratio, or of our own value where there is nothing to compare with. */
export interface Aim {
  atLeast?: number;
  atMost?: number;
}

/** One figure that can be read from a result. */
export interface Metric<Result> {
  name: string;
  unit: Unit;
  of(result: Result): number;
  aim?: Aim;
  /** {@link Row.absolute} */
  absolute?: boolean;
}

/** One line of the report: a server beside the baseline. */
export interface Row {
  scenario: string;
  metric: string;
  unit: Unit;
  server: string;
  value: number;
  baseline: string;
  baselineValue: number;
  aim?: Aim;
  /** The aim is for the value itself, not for its ratio to the baseline. */
  absolute?: boolean;
  /** What a reader should know: failures and doubts. */
  notes: string[];
}

/** How a figure is written. */
export type Unit = keyof typeof UNITS;

const UNITS = {
  perSecond: (value: number) => `${significant(value)}/s`,
  bytesPerSecond: (value: number) => `${bytes(value)}/s`,
  bytes,
  seconds: duration,
  times: (value: number) => `${significant(value)} x`,
};

/** What to make of the results of one scenario. */
export interface Reading<Result> {
  scenario: string;
  metrics: Metric<Result>[];
  /** What makes these results doubtful. */
  doubts?(results: Result[]): string[];
}

/** Compares all others with the last contestant. */
export function compare<Result>(
  contestants: Contestant[],
  outcomes: Outcome<Result>[],
  { scenario, metrics, doubts = () => [] }: Reading<Result>,
): Row[] {
  const sides = contestants.map(({ name, isProxy }, at) => ({ name, isProxy, ...outcomes[at] }));
  const baseline = sides[sides.length - 1];
  return sides.slice(0, -1).flatMap((side) => {
    const notes = [side, baseline].flatMap((one) => notesOn(one, doubts));
    return metrics.map(({ name, unit, of, aim, absolute }): Row => ({
      scenario,
      metric: name,
      unit,
      aim: side.isProxy ? undefined : aim,
      absolute,
      notes,
      server: side.name,
      value: median(side.results.map(of)),
      baseline: baseline.name,
      baselineValue: median(baseline.results.map(of)),
    }));
  });
}

/** Compares two contestants with each other. */
export function compareEachOther<Result>(
  contestants: Contestant[],
  outcomes: Outcome<Result>[],
  reading: Reading<Result>,
): Row[] {
  return [
    ...compare(contestants, outcomes, reading),
    ...compare(contestants.toReversed(), outcomes.toReversed(), reading),
  ];
}

function notesOn<Result>(
  { name, results, failure }: Outcome<Result> & { name: string },
  doubts: (results: Result[]) => string[],
): string[] {
  const failures = failure === undefined ? [] : [failure];
  return [...failures, ...doubts(results)].map((note) => `${name}: ${note}`);
}

/** This server's value as a multiple of the baseline's. */
export function ratio({ value, baselineValue }: Row): number {
  return value / baselineValue;
}

/** Whether the aim is met; undefined without an aim, or without the figures. */
export function met(row: Row): boolean | undefined {
  const figure = row.absolute ? row.value : ratio(row);
  if (!row.aim || Number.isNaN(figure)) return undefined;
  return figure >= (row.aim.atLeast ?? -Infinity) && figure <= (row.aim.atMost ?? Infinity);
}

/** A table for each server that was compared with the baseline, and what went wrong. */
export function table(rows: Row[]): string {
  const tables = Map.groupBy(rows, ({ server }) => server).values().map(tableOf);
  const notes = new Set(rows.flatMap(({ scenario, notes }) => notes.map((note) => `${scenario}: ${note}`)));
  return [...tables, ...(notes.size > 0 ? [[...notes].join("\n")] : [])].join("\n\n");
}

/** All rows as data, with everything the table shows. */
export function asJson(rows: Row[]): string {
  return JSON.stringify(rows.map((row) => ({ ...row, ratio: ratio(row), met: met(row) })), null, 2);
}

function tableOf(rows: Row[]): string {
  const head = ["scenario", "metric", rows[0].server, rows[0].baseline, "ratio", "aim", "met"];
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...lines.slice(1)].map((line) => align(line, widths)).join("\n");
}

function align(line: string[], widths: number[]): string {
  const isNumber = (column: number) => column >= 2 && column <= 4;
  const aligned = line.map((cell, at) => isNumber(at) ? cell.padStart(widths[at]) : cell.padEnd(widths[at]));
  return aligned.join("  ").trimEnd();
}

function cells(row: Row): string[] {
  const write = (value: number) => Number.isNaN(value) ? "-" : UNITS[row.unit](value);
  const times = Number.isNaN(ratio(row)) ? "-" : ratio(row).toFixed(2);
  return [row.scenario, row.metric, write(row.value), write(row.baselineValue), times, aimOf(row), verdict(row)];
}

function aimOf({ aim, absolute }: Row): string {
  if (!aim) return "";
  const bound = aim.atLeast === undefined ? `<= ${aim.atMost}` : `>= ${aim.atLeast}`;
  return absolute ? `${bound} itself` : bound;
}

function verdict(row: Row): string {
  if (!row.aim) return "";
  const isMet = met(row);
  return isMet === undefined ? "?" : isMet ? "yes" : "NO";
}

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10));
  return `${significant(value / 1024 ** power)} ${units[power]}`;
}

function duration(seconds: number): string {
  if (seconds >= 1) return `${significant(seconds)} s`;
  return seconds >= 1e-3 ? `${significant(seconds * 1e3)} ms` : `${significant(seconds * 1e6)} us`;
}

function significant(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}
