/**
 * One side of a conversation as a stream: one of several in a socket.
 *
 * @module
 */

import { KIND, type Opening, type RecordReader, type RecordWriter } from "../../src/protocol.ts";
import type { Chance } from "../soak/chance.ts";
import { Ear } from "./ear.ts";
import type { Line } from "./line.ts";
import type { Material } from "./messages.ts";
import type { Plan } from "./side.ts";
import { FAREWELL } from "./socket.ts";
import { Voice } from "./voice.ts";

/** How a stream leaves: behind a whole message, or within one. */
export type StreamDeparture = "close" | "close in a message";

/** Whom it speaks to, and how. */
export interface StreamSideOptions {
  readonly opening: Opening;
  readonly speaks: Line;
  readonly hears: Line;
  readonly material: Material;
  readonly chance: Chance;
  /** After so many messages. */
  readonly departure?: Plan<StreamDeparture>;
  /** Its partner leaves, so that its end will come, or waits for credit: its socket does not leave before. */
  readonly isNeeded: () => boolean;
  /** The pair is made: before, nobody would hear of a departure. */
  readonly met: Promise<unknown>;
}

/** What a stream needs of its socket. */
export interface StreamSocketHost {
  /** The number of the next stream. */
  next(stream: StreamSide): number;
  /** It has something to say. */
  wake(): void;
  /** Bytes of credit that the relay may give. */
  readonly windowBytes: number;
}

/** Bytes that the records of an opening, a close or a window take at most. */
const WORD_BYTES = 256;

/** One stream, from its opening to its end. */
export class StreamSide {
  readonly #over = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  /** Resolves when it, or its socket, has ended. Rejects when it hears what it should not. */
  readonly over = this.#over.promise;
  /** The other side is there. */
  readonly opened = this.#opened.promise;
  /** How the relay closed it. */
  code: number | undefined;
  /** Its close is written. */
  hasClosed = false;
  readonly #options: StreamSideOptions;
  readonly #host: StreamSocketHost;
  readonly #voice: Voice;
  readonly #ear: Ear;
  number: number | undefined;
  #isOpened = false;
  /** It says nothing more but its close. */
  #isLast = false;
  /** Its close is in the frame that is on its way. */
  isClosing = false;
  #hasMet = false;
  #isSettled = false;
  #isWatching = false;
  isOver = false;

  constructor(host: StreamSocketHost, options: StreamSideOptions) {
    this.#host = host;
    this.#options = options;
    this.#voice = new Voice(options);
    this.#ear = new Ear(options.hears, options.chance, () => host.wake());
    for (const promise of [this.over, this.opened]) promise.catch(() => {});
    options.met.then(() => {
      this.#hasMet = true;
      host.wake();
    }, () => {});
  }

  /** Its socket may leave: the pair is made, and no end is waited for. */
  get letsGo(): boolean {
    return this.#hasMet && !this.isSettling && !this.isStarved && !this.#options.isNeeded();
  }

  /** It waits for credit that should have come. */
  get isStarved(): boolean {
    return this.#voice.isStarved && !this.isOver;
  }

  /** It closes as soon as all is heard. */
  get isSettling(): boolean {
    return this.#options.departure?.settles === true && this.#isLeaving && !this.isOver;
  }

  /** Writes a record, if there is something to say and room for it; says whether it did. */
  say(frame: RecordWriter): boolean {
    if (this.isOver || this.isClosing || !frame.fits(WORD_BYTES)) return false;
    if (this.number === undefined) return this.#open(frame);
    if (this.#ear.say(frame, this.number)) return true;
    return this.#isLeaving ? this.#sayLast(frame, this.number) : this.#voice.say(frame, this.number);
  }

  /** The frame is written. */
  written(): void {
    this.#voice.written();
    if (!this.isClosing || this.isOver) return;
    this.hasClosed = true;
    this.end();
  }

  take(record: RecordReader): void {
    const { kind } = record;
    if (kind === KIND.opened) this.#beOpened();
    else if (kind === KIND.close) this.#beClosed(record.close.code);
    else if (!this.#isOpened) throw new Error(`want opened before all else, got kind ${kind}`);
    else if (kind === KIND.data) this.#ear.take(record);
    else {
      this.#voice.grant(record.windowBytes, this.#host.windowBytes);
      this.#host.wake();
    }
  }

  end(error?: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#ear.stop();
    const early = new Error(`${this.#name}: want to be opened, got closed with ${this.code}`);
    this.#opened.reject(error ?? early);
    if (error === undefined) this.#over.resolve();
    else this.#over.reject(error);
  }

  get documentId(): string {
    return this.#options.opening.documentId;
  }

  get #name(): string {
    const { userName, documentId } = this.#options.opening;
    return `the stream to ${userName} about ${documentId}`;
  }

  get #isLeaving(): boolean {
    const { departure, speaks } = this.#options;
    if (departure === undefined || speaks.said === 0) return false;
    if (this.#isLast) return true;
    return this.#isLast = !this.#voice.isInMessage && (speaks.said >= departure.after || departure.isLate());
  }

  #open(frame: RecordWriter): true {
    this.number = this.#host.next(this);
    frame.open(this.number, this.#options.opening);
    return true;
  }

  #sayLast(frame: RecordWriter, number: number): boolean {
    if (!this.#hasMet || !this.#hasSettled()) return false;
    const isWithin = this.#options.departure!.how === "close in a message" && !this.#voice.isInMessage;
    if (isWithin && this.#voice.sayUnfinished(frame, number)) return true;
    frame.close(number, { code: FAREWELL, reason: "" });
    this.isClosing = true;
    return true;
  }

  /** All is heard, or need not be. If not, looks again when something is. */
  #hasSettled(): boolean {
    const { speaks, departure } = this.#options;
    this.#isSettled ||= !departure!.settles || !speaks.isUnderWay;
    if (!this.#isSettled && !this.#isWatching) this.#watch();
    return this.#isSettled;
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    await this.#options.speaks.movement();
    this.#isWatching = false;
    this.#host.wake();
  }

  #beOpened(): void {
    if (this.#isOpened) throw new Error("want to be opened once");
    this.#isOpened = true;
    this.#opened.resolve();
  }

  #beClosed(code: number): void {
    this.code = code;
    this.end();
  }
}
