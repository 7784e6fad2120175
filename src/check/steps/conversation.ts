/**
 * The steps that need a pair with both sides open.
 *
 * @module
 */

import { type Deadline, shownDuration } from "../deadline.ts";
import type { Frame } from "../sides/frames.ts";
import { cross, receiveAll, type Sides } from "../sides/pair.ts";
import { type Finding, type Latency, type StepName, works } from "./step.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Characters of more than one byte, and texts that are JSON. */
const TEXTS: Frame[] = ["Hello! 🎉", "null", '"quoted"', '{"type":"Join","join":[]}', "\u0000 \u{10FFFF}"];

/** Every byte; bytes that are valid UTF-8; and MessagePack's nil. */
const BINARIES: Frame[] = [Uint8Array.from({ length: 256 }, (_, byte) => byte), encode("Hello"), Uint8Array.of(0xc0)];

const EMPTY: Frame[] = ["", encode(""), encode(""), ""];

/** Numbered, text and binary in turn. */
const NUMBERED: Frame[] = Array.from({ length: 64 }, (_, index) => index % 2 ? `${index}` : encode(`${index}`));

/** 1 MiB, as an image in a document may be, and nothing that compresses well. */
const LARGE: Frame[] = [Uint8Array.from({ length: 1024 * 1024 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 24)];

/** A step that uses a pair and leaves it open. */
export type PairStep = (pair: Sides, by: Deadline) => Promise<Finding>;

/** The steps, in this order. */
export const CONVERSATION: readonly (readonly [StepName, PairStep])[] = [
  ["text", (pair, by) => bothWays(pair, TEXTS, by)],
  ["binary", (pair, by) => bothWays(pair, BINARIES, by)],
  ["empty frames", (pair, by) => bothWays(pair, EMPTY, by)],
  ["order", (pair, by) => bothWays(pair, NUMBERED, by)],
  ["latency", latency],
  ["large message", large],
];

/** All of it but the latency, at once, as far as the relay takes messages of so many bytes. */
export async function everything(sides: Sides, messageBytes: number, by: Deadline): Promise<Finding> {
  const small = await bothWays(sides, [...TEXTS, ...BINARIES, ...EMPTY, ...NUMBERED], by);
  if (LARGE[0].length > messageBytes) return small;
  await large(sides, by);
  return works(`${small.detail}, and 1 MiB`);
}

async function bothWays({ alice, bob }: Sides, frames: readonly Frame[], by: Deadline): Promise<Finding> {
  // Both ways at the same time: it takes half as long, and neither direction may depend on the other.
  const outcomes = await Promise.allSettled([cross(alice, bob, frames, by), cross(bob, alice, frames, by)]);
  const failure = outcomes.find(({ status }) => status === "rejected");
  if (failure !== undefined) throw (failure as PromiseRejectedResult).reason;
  return works(`${frames.length} frames each way, unchanged`);
}

async function large({ alice, bob }: Sides, by: Deadline): Promise<Finding> {
  await cross(alice, bob, LARGE, by);
  return works("1 MiB, unchanged");
}

async function latency(pair: Sides, by: Deadline): Promise<Finding> {
  const [MOST, MOST_MS] = [100, 2000]; // On a slow line fewer have to do.
  const times: number[] = [];
  for (const end = by.sooner(MOST_MS); times.length < MOST && end.msLeft > 0;) times.push(await roundTrip(pair, by));
  const found = summary(times);
  const detail = `p50 ${shownDuration(found.p50Ms)}, p99 ${shownDuration(found.p99Ms)}`;
  return { ...works(`${detail}: ${found.roundTrips} round trips from peer to peer and back`), latency: found };
}

async function roundTrip({ alice, bob }: Sides, by: Deadline): Promise<number> {
  const startedAt = performance.now();
  await receiveAll(alice, bob, 0, by);
  await receiveAll(bob, alice, 0, by);
  return performance.now() - startedAt;
}

function summary(times: number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), roundTrips: sorted.length };
}
