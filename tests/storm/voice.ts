/**
 * What one stream says: messages in parts of all sizes, as far as its credit goes.
 *
 * @module
 */

import { creditCost, type RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import type { Chance } from "../soak/chance.ts";
import type { Line } from "./line.ts";
import type { Material, Message } from "./messages.ts";

/** Whom it speaks to, and what. */
export interface VoiceOptions {
  readonly speaks: Line;
  readonly material: Material;
  readonly chance: Chance;
}

const KIB = 1024;
/** Bytes of parts: none at all, within a character, where a length or a way to copy changes, and the largest. */
const PARTS = [0, 1, 2, 3, 127, 128, 256, 257, 1024, 1025, 4 * KIB, 4 * KIB + 1, 16 * KIB, WIRE_LIMITS.recordBytes];
/** One part of so many has such a size, while its message is small or large; others are as large as may be. */
const CUT = 4;
const SELDOM_CUT = 32;
const LARGE = 256 * KIB;
const STARVED_MS = 500;
/** One message of so many ends in an empty part. */
const EMPTY_END = 8;

/** One direction, as its speaker has it. */
export class Voice {
  readonly #options: VoiceOptions;
  /** Bytes that may be sent. */
  #credit: number = WIRE_LIMITS.firstWindowBytes;
  #message: Message | undefined;
  #at = 0;
  /** When there was not enough credit, in milliseconds of `performance`. */
  #starvedAt: number | undefined;
  /** Whole messages in the frame that is on its way. */
  #wholeInFrame = 0;

  constructor(options: VoiceOptions) {
    this.#options = options;
  }

  /** @param most What the relay may give in all. */
  grant(bytes: number, most: number): void {
    this.#credit += bytes;
    this.#starvedAt = undefined;
    if (this.#credit > most) throw new Error(`want credit of at most ${most} bytes, got ${this.#credit}`);
  }

  /** It has waited for credit for longer than hearers withhold it. */
  get isStarved(): boolean {
    return performance.now() - (this.#starvedAt ?? Infinity) > STARVED_MS;
  }

  get isInMessage(): boolean {
    return this.#message !== undefined;
  }

  /** Writes the next part, as long as it may be. False: there is not enough credit, or room. */
  say(frame: RecordWriter, stream: number): boolean {
    const affordable = this.#credit - creditCost(0);
    if (affordable < 0) return this.#starve();
    const message = this.#message ??= this.#next();
    const length = Math.min(this.#wanted(message), affordable);
    if (!frame.fits(length)) return false;
    const bytes = this.#take(message, length);
    const more = this.#at < message.length || (length > 0 && this.#options.chance.below(EMPTY_END) === 0);
    frame.data(stream, bytes, { text: message.isText, more });
    if (!more) this.#end();
    return true;
  }

  /** The same of a message that never ends. */
  sayUnfinished(frame: RecordWriter, stream: number): boolean {
    const message = this.#message ??= this.#next();
    const length = Math.min(this.#wanted(message), this.#credit - creditCost(0));
    if (length < 0 || !frame.fits(length)) return false;
    frame.data(stream, this.#take(message, length), { text: message.isText, more: true });
    return true;
  }

  /** The frame is written. */
  written(): void {
    while (this.#wholeInFrame > 0) {
      this.#options.speaks.saidWhole();
      this.#wholeInFrame -= 1;
    }
  }

  #starve(): false {
    this.#starvedAt ??= performance.now();
    return false;
  }

  #wanted({ length }: Message): number {
    const { chance } = this.#options;
    const rest = length - this.#at;
    const isCut = chance.below(length > LARGE ? SELDOM_CUT : CUT) === 0;
    return Math.min(rest, isCut ? chance.pick(PARTS) : WIRE_LIMITS.recordBytes);
  }

  #next(): Message {
    const { speaks, material, chance } = this.#options;
    return speaks.next(material, chance);
  }

  #take(message: Message, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    message.copyTo(bytes, this.#at, this.#at + length);
    this.#at += length;
    this.#credit -= creditCost(length);
    return bytes;
  }

  #end(): void {
    this.#message = undefined;
    this.#at = 0;
    this.#wholeInFrame += 1;
  }
}
