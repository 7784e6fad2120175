/**
 * One direction of a conversation: what was said, and whether just that is heard.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { Chance } from "../soak/chance.ts";
import type { Load, Material, Message } from "./messages.ts";

/** Messages under way from one side to the other. */
export class Line {
  /** Whole messages. */
  said = 0;
  heard = 0;
  bytes = 0;
  readonly #name: string;
  readonly #windowBytes: number;
  readonly load: Load;
  readonly #underWay: Message[] = [];
  #bytesUnderWay = 0;
  /** How much of the first has come; undefined before it begins. */
  #at: number | undefined;
  /** When some of it came last, or, if nothing was under way, was said: in milliseconds of `performance`. */
  #movedAt = performance.now();
  #moved: () => void = () => {};
  readonly #crossed = Promise.withResolvers<void>();
  /** Resolves when the first message has begun to arrive: the pair is made. */
  readonly crossed = this.#crossed.promise;

  /** @param windowBytes Above so many bytes under way nothing more is said. */
  constructor(name: string, windowBytes: number, load: Load) {
    this.#name = name;
    this.#windowBytes = windowBytes;
    this.load = load;
  }

  /** The next message. It counts as said when {@link Line.saidWhole} is called. */
  next(material: Material, chance: Chance): Message {
    const message = material.message(`${this.#name} #${this.#underWay.length + this.heard}:`, chance, this.load);
    if (!this.isUnderWay) this.#movedAt = performance.now();
    this.#underWay.push(message);
    this.#bytesUnderWay += message.length;
    return message;
  }

  saidWhole(): void {
    this.said += 1;
  }

  get isFull(): boolean {
    return this.#bytesUnderWay >= this.#windowBytes;
  }

  /** Something that was begun to be said is not heard. */
  get isUnderWay(): boolean {
    return this.#underWay.length > 0;
  }

  /** Milliseconds for which nothing has come. */
  get stillMs(): number {
    return performance.now() - this.#movedAt;
  }

  /** Of such messages. */
  get bytesUnderWay(): number {
    return this.#bytesUnderWay;
  }

  /** Resolves when something has been heard, or the end. One waits at a time. */
  movement(): Promise<void> {
    return new Promise((resolve) => this.#moved = resolve);
  }

  /** Nothing more is heard. */
  close(): void {
    this.#moved();
  }

  began(isText: boolean): void {
    const message = this.#underWay[0];
    if (message === undefined) throw new Error(`${this.#name}: a message that nobody sent`);
    if (message.isText !== isText) throw new Error(`${this.#name} #${this.heard}: text became binary, or binary text`);
    this.#at = 0;
    this.#crossed.resolve();
  }

  came(bytes: Buffer): void {
    const [message] = this.#underWay;
    if (!message.has(bytes, this.#at!)) {
      const got = bytes.subarray(0, 64).toString("latin1");
      throw new Error(`${this.#name} #${this.heard}: other bytes at ${this.#at} of ${message.length}: ${got}`);
    }
    this.#at! += bytes.length;
    this.#movedAt = performance.now();
  }

  ended(): void {
    const message = this.#underWay.shift()!;
    if (this.#at !== message.length) {
      throw new Error(`${this.#name} #${this.heard}: want ${message.length} bytes, got ${this.#at}`);
    }
    this.#at = undefined;
    this.heard += 1;
    this.bytes += message.length;
    this.#bytesUnderWay -= message.length;
    this.#movedAt = performance.now();
    this.#moved();
  }
}
