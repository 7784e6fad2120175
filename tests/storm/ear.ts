/**
 * How one stream hears: it keeps account of the credit it has given, and gives more at odd moments, in odd amounts.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { creditCost, type RecordReader, type RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import type { Chance } from "../soak/chance.ts";
import type { Line } from "./line.ts";

const KIB = 1024;
/** Bytes of credit that a reader keeps up: from what one largest record needs to all that may be. */
const WINDOWS = [
  creditCost(WIRE_LIMITS.recordBytes),
  64 * KIB,
  64 * KIB + 1,
  256 * KIB,
  256 * KIB,
  1024 * KIB,
  WIRE_LIMITS.creditBytes,
];
/** Milliseconds for which credit is withheld at most: mostly, and one time of so many. */
const WITHHOLD_MS = 6;
const LONG = 32;
const LONG_MS = 400;

/** One direction, as its hearer has it. */
export class Ear {
  readonly #hears: Line;
  readonly #chance: Chance;
  /** Credit may be given now. */
  readonly #due: () => void;
  readonly #window: number;
  /** Bytes that the relay may still send. */
  #given: number = WIRE_LIMITS.firstWindowBytes;
  #isDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the message that has begun is text. */
  #isText: boolean | undefined;

  constructor(hears: Line, chance: Chance, due: () => void) {
    this.#hears = hears;
    this.#chance = chance;
    this.#due = due;
    this.#window = chance.pick(WINDOWS);
    this.#plan();
  }

  take({ length, payload, isText, hasMore }: RecordReader): void {
    this.#given -= creditCost(length);
    if (this.#given < 0) throw new Error(`want no more data than credit, got ${-this.#given} bytes more`);
    if (this.#isText === undefined) this.#hears.began(isText);
    else if (this.#isText !== isText) throw new Error("want all parts of a message to be of one type");
    this.#isText = hasMore ? isText : undefined;
    this.#hears.came(Buffer.from(payload.buffer, payload.byteOffset, length));
    if (!hasMore) this.#hears.ended();
    this.#plan();
  }

  /** Gives credit, if it is due. */
  say(frame: RecordWriter, stream: number): boolean {
    const missing = this.#window - this.#given;
    if (!this.#isDue) return false;
    this.#isDue = false;
    if (missing <= 0) return false;
    const isPart = this.#chance.below(3) === 0;
    const bytes = isPart ? 1 + this.#chance.below(missing) : missing;
    this.#given += bytes;
    frame.window(stream, bytes);
    if (bytes < missing) this.#plan();
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Plans when credit is given: at once, or later. */
  #plan(): void {
    if (this.#isDue || this.#timer !== undefined) return;
    const chance = this.#chance;
    if (chance.below(2) === 0) return this.#beDue();
    const ms = chance.below(chance.below(LONG) === 0 ? LONG_MS : WITHHOLD_MS);
    this.#timer = setTimeout(() => this.#beDue(), ms);
  }

  #beDue(): void {
    this.#timer = undefined;
    this.#isDue = true;
    this.#due();
  }
}
