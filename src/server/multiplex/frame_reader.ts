/**
 * Reads what a client says, in order: at once while this turn of the event loop has time for it, and the rest in later
 * turns, in which everybody else has a share.
 *
 * @module
 */

import { KIND, RecordReader, Violation } from "../../protocol.ts";
import { LIMITS } from "../core/limits.ts";
import type { Budget, Share } from "../core/memory_budget.ts";
import { asBytes, type Message, messageBytes } from "../core/message.ts";
import { Queue } from "../core/queue.ts";
import type { Steps, WorkScheduler } from "../core/scheduling/work_scheduler.ts";
import type { EventLoopTurn } from "../core/scheduling/event_loop_turn.ts";

/** What becomes of what is read. */
export interface FrameListener {
  /** A text frame, of any length, which takes many steps to read. */
  hear(text: string): Steps;
  /** The next record. Throws a {@link Violation}. */
  take(record: RecordReader): void;
  /** A frame that breaks the protocol. */
  violated(violation: Violation): void;
  /** What waits to be read has become more, or less. @param textBytes Of these, those of text frames. */
  waits(bytes: number, textBytes: number): void;
  failed(error: unknown): void;
}

/** What a reader needs besides. */
export interface FrameReaderOptions {
  readonly budget: Budget;
  readonly scheduler: WorkScheduler;
  readonly turn: EventLoopTurn;
  /** The relay is out of buffer space: ends the socket. */
  readonly evict: () => void;
}

/** Work of one step, a record being 1: what takes a fraction of a millisecond. */
const STEP = 64;
/** What it is to open a stream. */
const OPEN = 16;

/** The frames of one socket. */
export class FrameReader {
  readonly #listener: FrameListener;
  readonly #options: FrameReaderOptions;
  /** Frames that wait for a later turn; the first is being read. */
  readonly #frames = new Queue<Message>();
  #bytes = 0;
  /** Of text frames. */
  #textBytes = 0;
  readonly #share: Share;
  /** What is done when no frame waits any more. */
  #afterwards: (() => void)[] = [];
  #isStopped = false;

  constructor(listener: FrameListener, options: FrameReaderOptions) {
    this.#listener = listener;
    this.#options = options;
    this.#share = options.budget.open({ measure: () => this.#bytes, evict: options.evict, endsGroup: true });
  }

  /** @param frame Its bytes are lent until this returns. */
  read(frame: Message): void {
    if (this.#frames.size > 0) this.#keep(typeof frame === "string" ? frame : asBytes(frame).slice());
    else if (typeof frame === "string") this.#readText(frame);
    else this.#readBytes(asBytes(frame));
  }

  /** Does this behind all that has come. */
  afterwards(action: () => void): void {
    this.#afterwards.push(action);
    if (this.#frames.size === 0) this.#finish();
  }

  /** Reads nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#frames.clear();
    this.#bytes = 0;
    this.#finish();
  }

  #readText(text: string): void {
    const steps = this.#stepsOf(text);
    if (!this.#options.turn.run(steps)) this.#readLater(text, steps);
  }

  #readBytes(bytes: Uint8Array<ArrayBuffer>): void {
    const record = this.#recordsOf(bytes);
    if (record === undefined) return;
    while (this.#options.turn.hasTime()) if (this.#readSome(record)) return;
    const kept = bytes.slice();
    const rest = new RecordReader(kept);
    rest.skipTo(record.payloadEnd, record.count);
    this.#readLater(kept, this.#readRest(rest));
  }

  #readLater(frame: Message, rest: Steps): void {
    if (this.#isStopped) return;
    this.#keep(frame);
    this.#options.scheduler.run(this.#catchUp(rest), (error) => this.#listener.failed(error));
  }

  /** The rest of the first frame, and what came behind it. */
  *#catchUp(first: Steps): Steps {
    yield* first;
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
      // However little is in each of them, many take long.
      yield;
      yield* this.#stepsOf(frame);
    }
    this.#finish();
  }

  #finish(): void {
    for (const action of this.#afterwards.splice(0)) action();
  }

  /** What the frames keep in memory counts, and what keeping them costs. */
  #keep(frame: Message): void {
    this.#frames.push(frame);
    this.#weigh(frame, costOf(frame));
  }

  /** The frame behind the first, which is done with. */
  #next(): Message | undefined {
    const done = this.#frames.shift();
    if (done !== undefined) this.#weigh(done, -costOf(done));
    return this.#frames.peek();
  }

  #weigh(frame: Message, bytes: number): void {
    if (this.#isStopped) return;
    this.#bytes += bytes;
    if (typeof frame === "string") this.#textBytes += bytes;
    this.#share.set(this.#bytes);
    if (!this.#isStopped) this.#listener.waits(this.#bytes, this.#textBytes);
  }

  *#stepsOf(frame: Message): Steps {
    if (typeof frame === "string") return yield* this.#listener.hear(frame);
    const record = this.#recordsOf(asBytes(frame));
    if (record !== undefined) yield* this.#readRest(record);
  }

  *#readRest(record: RecordReader): Steps {
    while (!this.#readSome(record)) yield;
  }

  #recordsOf(bytes: Uint8Array<ArrayBuffer>): RecordReader | undefined {
    try {
      return new RecordReader(bytes);
    } catch (error) {
      this.#violated(error);
    }
  }

  /** Reads as many records as one step may. True: there are no more. */
  #readSome(record: RecordReader): boolean {
    try {
      for (let due = record.count + STEP; !this.#isStopped && record.next();) {
        if (record.kind === KIND.open) due -= OPEN;
        this.#listener.take(record);
        if (record.count >= due) return record.isAtEnd;
      }
    } catch (error) {
      this.#violated(error);
    }
    return true;
  }

  #violated(error: unknown): void {
    if (!(error instanceof Violation)) throw error;
    this.#listener.violated(error);
  }
}

function costOf(frame: Message): number {
  return messageBytes(frame) + LIMITS.unheardMessageBytes;
}
