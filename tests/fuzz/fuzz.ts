/**
 * Feeds the decoder with real messages, spoiled: what leads to a new kind of outcome is spoiled further.
 *
 * @module
 */

import { encode } from "@std/msgpack";
import { WIRE_LIMITS } from "../../src/protocol.ts";
import { CLIENT_GOLDEN, SERVER_GOLDEN } from "../helpers/golden.ts";
import { Chance } from "../soak/chance.ts";
import { mutated } from "./mutations.ts";
import { type Input, outcomeOf } from "./outcome.ts";

/** What a run that found nothing has to tell. */
export interface FuzzReport {
  readonly inputs: number;
  /** Inputs that led to a new kind of outcome, the golden ones among them. */
  readonly corpus: number;
  /** How many inputs ended in each kind, without their form and size. */
  readonly outcomes: Record<string, number>;
  readonly slowestMs: number;
  readonly seconds: number;
}

/** Bytes up to which an input is spoiled often: large ones take a thousand times longer. */
const SMALL_BYTES = 4_096;
/** One in so many inputs comes from the whole corpus, the others from its small part. */
const LARGE_EVERY = 200;

/** Real messages, and those on both sides of each bound. */
const SEEDS: readonly Input[] = [
  ...[...CLIENT_GOLDEN, ...SERVER_GOLDEN].map(({ frame }) => frame),
  ...[0, 1].flatMap((excess) => [
    JSON.stringify({ type: "Join", join: documents(WIRE_LIMITS.documentsPerPeer + excess) }),
    encode({ type: "Leave", documentIds: documents(WIRE_LIMITS.documentsPerPeer + excess) }),
    JSON.stringify({ type: "Heartbeat" }).padEnd(WIRE_LIMITS.introductionBytes + excess),
  ]),
];

/** Decodes so many inputs; throws at the first for which something does not hold, with the input. */
export function fuzz(inputs: number, seed: number): FuzzReport {
  const startedAt = performance.now();
  const chance = new Chance(seed);
  const run = new Run();
  for (const seed of SEEDS) run.take(seed);
  while (run.inputs < inputs) run.take(mutated(run.pick(chance), chance, run.pick(chance)));
  const { corpus, outcomes, slowestMs } = run;
  return { inputs: run.inputs, corpus, outcomes, slowestMs, seconds: (performance.now() - startedAt) / 1000 };
}

class Run {
  inputs = 0;
  slowestMs = 0;
  readonly outcomes: Record<string, number> = {};
  readonly #kinds = new Set<string>();
  /** The corpus by outcome: a rare one is spoiled as often as a common one. */
  readonly #small = new Map<string, Input[]>();
  readonly #large: Input[] = [];

  get corpus(): number {
    return this.#kinds.size;
  }

  pick(chance: Chance): Input {
    if (this.#large.length > 0 && chance.below(LARGE_EVERY) === 0) return chance.pick(this.#large);
    return chance.pick(chance.pick([...this.#small.values()]));
  }

  take(input: Input): void {
    const { kind, milliseconds } = decoded(input);
    this.inputs += 1;
    this.slowestMs = Math.max(this.slowestMs, milliseconds);
    const outcome = kind.replace(/^.*?: /, "").replace(/ of \d.*/, "");
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    if (!this.#kinds.has(kind)) this.#keep(input, kind, outcome);
  }

  #keep(input: Input, kind: string, outcome: string): void {
    this.#kinds.add(kind);
    const list = this.#small.get(outcome) ?? [];
    if (input.length > SMALL_BYTES) this.#large.push(input);
    else this.#small.set(outcome, list).get(outcome)!.push(input);
  }
}

function decoded(input: Input): { kind: string; milliseconds: number } {
  try {
    return outcomeOf(input);
  } catch (error) {
    const shown = typeof input === "string" ? JSON.stringify(input) : `binary ${input.toHex()}`;
    throw new Error(`The decoder failed: ${(error as Error).message}\nInput: ${shown.slice(0, 2_000)}`, {
      cause: error,
    });
  }
}

function documents(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i));
}
