/**
 * A socket of protocol 5 with its streams, of which some go on while others end: what they say goes out in frames of one
 * record or many, and what comes is given to them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  type Introduction,
  type Opening,
  RecordReader,
  RecordWriter,
  type RelayMessage,
  type Welcome,
  WIRE_LIMITS,
} from "../../src/protocol.ts";
import type { Pace } from "../helpers/pace.ts";
import type { Target } from "../helpers/raw.ts";
import type { Chance } from "../soak/chance.ts";
import { controlFrame, framesOf } from "./framing.ts";
import { Message } from "./messages.ts";
import { LOOK_MS, type Plan } from "./side.ts";
import { type Departure, longRest, StormSocket } from "./socket.ts";
import { StreamSide, type StreamSideOptions, type StreamSocketHost } from "./stream_side.ts";

/** Whose socket it is, and how it ends. */
export interface StreamSocketOptions {
  readonly target: Target;
  readonly path: string;
  readonly chance: Chance;
  readonly pace: Pace;
  /** After so many frames it takes no more streams. Then, or when it is late, it leaves as soon as all are paired. */
  readonly departure: Plan<Departure>;
}

/** An introduction that is waited for. */
interface Expected {
  readonly userName: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Records of one frame, at most. */
const MOST_RECORDS = 40;
/** One frame of so many has records of one stream alone: the relay may pass it on as it is. */
const FRAMES_OF_ONE = 2;
/** One frame of so many has a heartbeat, or a ping, beside it. */
const HEARTBEATS = 32;
/** One socket of so many has a long rest. */
const RESTS = 3;
const HEARTBEAT = { type: "Heartbeat" };

/** One socket, from its request to its end. */
export class StreamSocket implements StreamSocketHost {
  /** Resolves when it is gone. Rejects when it hears what it should not. */
  readonly over: Promise<void>;
  windowBytes = 0;
  /** How it has left; undefined as long as it has not. */
  left: Departure | undefined;
  readonly #options: StreamSocketOptions;
  readonly #socket: StormSocket;
  readonly #welcome = Promise.withResolvers<void>();
  /** Those that are not over. */
  readonly #streams = new Set<StreamSide>();
  /** The same, by their numbers. */
  readonly #numbers = new Map<number, StreamSide>();
  /** Numbers that the relay has closed. */
  readonly #closed = new Set<number>();
  /** Whom it has to be introduced to, by the documents that it has joined. */
  readonly #introductions = new Map<string, Expected>();
  /** Those whose streams are not opened. */
  readonly #unopened = new Set<string>();
  /** Messages that are to be said. */
  #control: unknown[] = [];
  readonly #writer = new RecordWriter();
  #lastNumber = 0;
  #frames = 0;
  #isRetired = false;
  #wake = Promise.withResolvers<void>();
  /** The message that has begun to come. */
  #isText = false;
  #pieces: Buffer[] = [];

  private constructor(connection: Deno.Conn, options: StreamSocketOptions) {
    this.#options = options;
    const { chance } = options;
    const longRestMs = chance.below(RESTS) === 0 ? longRest(chance) : undefined;
    this.#socket = new StormSocket(connection, {
      speak: () => this.#speak(),
      stopped: () => {
        this.#welcome.reject(new Error(`${options.path}: want Welcome, got the end`));
        this.wake();
      },
      began: (isText) => this.#isText = isText,
      came: (bytes) => this.#pieces.push(Buffer.from(bytes)),
      ended: () => this.#take(Buffer.concat(this.#pieces.splice(0))),
    }, { ...options, longRestMs });
    this.#welcome.promise.catch(() => {});
    this.over = this.#socket.run().then(() => this.#end(), (error) => this.#end(error));
    this.over.catch(() => {});
  }

  static async open(options: StreamSocketOptions): Promise<StreamSocket> {
    return new StreamSocket(await StormSocket.connect(options.target), options);
  }

  /** It takes no more streams. */
  get isLeaving(): boolean {
    const hasEnded = this.left !== undefined || this.#socket.isStopped;
    return this.#isRetired || hasEnded || this.#frames >= this.#options.departure.after;
  }

  /** Joins a document. Resolves when it is introduced to the peer that it is to talk with; it stays until then. */
  introduce({ userName, documentId }: Opening): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#introductions.set(documentId, { userName, resolve, reject });
    this.#unopened.add(documentId);
    this.#control.push({ type: "Join", join: [documentId] });
    this.wake();
    return promise;
  }

  open(options: StreamSideOptions): StreamSide {
    const stream = new StreamSide(this, options);
    this.#streams.add(stream);
    this.#unopened.delete(options.opening.documentId);
    this.wake();
    return stream;
  }

  /** It leaves as soon as its streams let it. */
  retire(): void {
    this.#isRetired = true;
    this.wake();
  }

  next(stream: StreamSide): number {
    this.#numbers.set(++this.#lastNumber, stream);
    return this.#lastNumber;
  }

  wake(): void {
    this.#wake.resolve();
  }

  async #speak(): Promise<void> {
    await this.#welcome.promise;
    while (!this.#socket.isStopped) {
      if (this.#mayLeave) return await this.#leave();
      this.#wake = Promise.withResolvers();
      const spoke = this.#fill();
      if (spoke.length === 0 && this.#control.length === 0) await this.#rest();
      else await this.#write(spoke);
    }
  }

  /** Until there is something to say; who wants to leave looks again whether it may. */
  async #rest(): Promise<void> {
    const look = this.#wantsToLeave ? setTimeout(() => this.wake(), LOOK_MS) : undefined;
    await this.#wake.promise;
    clearTimeout(look);
  }

  get #wantsToLeave(): boolean {
    return this.isLeaving || this.#options.departure.isLate();
  }

  get #mayLeave(): boolean {
    return this.#wantsToLeave && this.#unopened.size === 0 && [...this.#streams].every(({ letsGo }) => letsGo);
  }

  /** Writes records of some streams, in any order, or of one; returns whose. */
  #fill(): StreamSide[] {
    const { chance } = this.#options;
    const isOfOne = chance.below(FRAMES_OF_ONE) === 0;
    const records = 1 + chance.below(MOST_RECORDS);
    let left = records;
    return chance.shuffled([...this.#streams]).filter((stream) => {
      if (isOfOne && left < records) return false;
      const most = Math.min(left, 1 + chance.below(MOST_RECORDS));
      let said = 0;
      while (said < most && stream.say(this.#writer)) said += 1;
      left -= said;
      return said > 0;
    });
  }

  async #write(spoke: StreamSide[]): Promise<void> {
    const { chance } = this.#options;
    const frames = [...this.#socket.takeAnswers(), ...this.#takeFrames(), ...this.#takeControlFrames()];
    if (chance.below(HEARTBEATS) === 0) frames.push(controlFrame(chance));
    this.#frames += 1;
    await this.#socket.write(Buffer.concat(frames));
    for (const stream of spoke) {
      stream.written();
      this.#forgetIfOver(stream);
    }
  }

  /** What is written, in one WebSocket frame or in several. */
  #takeFrames(): Uint8Array[] {
    return framesOf(new Message(false, [this.#writer.take()]), this.#options.chance);
  }

  /** Messages in an array, or alone. */
  #takeControlFrames(): Uint8Array[] {
    const { chance } = this.#options;
    if (chance.below(HEARTBEATS) === 0) this.#control.push(HEARTBEAT);
    const messages = this.#control.splice(0);
    const texts = chance.below(2) === 0 || messages.length === 0 ? messages : [messages];
    return texts.flatMap((text) => framesOf(new Message(true, [Buffer.from(JSON.stringify(text))]), chance));
  }

  /** The last frame of records is never whole, nor is what it says. */
  async #leave(): Promise<void> {
    const { how } = this.#options.departure;
    this.left = how;
    await this.#socket.leave(how, () => {
      this.#fill();
      return this.#takeFrames();
    });
  }

  #take(message: Buffer): void {
    if (message.length > WIRE_LIMITS.recordFrameBytes) throw new Error(`want 64 KiB a frame, got ${message.length}`);
    if (this.#isText) return this.#takeControl(JSON.parse(message.toString()));
    const record = new RecordReader(Uint8Array.from(message));
    while (record.next()) this.#takeRecord(record);
  }

  #takeControl(messages: RelayMessage[]): void {
    for (const message of messages) {
      if (message.type === "Introduction") this.#takeIntroduction(message);
      else if (message.type === "Welcome") this.#takeWelcome(message);
      else if (message.type !== "Heartbeat") throw new Error(`want no ${message.type}`);
    }
  }

  #takeWelcome({ limits }: Welcome): void {
    this.windowBytes = limits.windowBytes;
    this.#welcome.resolve();
  }

  /** A document that it has left may have crossed. */
  #takeIntroduction({ userName, documentIds }: Introduction): void {
    for (const id of documentIds) {
      const expected = this.#introductions.get(id);
      if (expected?.userName !== userName) throw new Error(`want no introduction to ${userName} about ${id}`);
      expected.resolve();
    }
  }

  /** What crosses a close of ours is nothing; behind the relay's own there must not be any. */
  #takeRecord(record: RecordReader): void {
    const { stream: number } = record;
    if (number > this.#lastNumber) throw new Error(`want a stream up to ${this.#lastNumber}, got ${number}`);
    if (this.#closed.has(number)) throw new Error("want nothing behind a close");
    const stream = this.#numbers.get(number);
    if (stream === undefined) return;
    stream.take(record);
    if (!this.#forgetIfOver(stream)) return;
    this.#closed.add(number);
    // It may leave now.
    this.wake();
  }

  #forgetIfOver(stream: StreamSide): boolean {
    if (!stream.isOver) return false;
    if (this.#streams.delete(stream)) this.#leaveDocument(stream.documentId);
    if (stream.number !== undefined) this.#numbers.delete(stream.number);
    return true;
  }

  #leaveDocument(documentId: string): void {
    if (this.#introductions.has(documentId)) this.#control.push({ type: "Leave", leave: [documentId] });
  }

  #end(error?: Error): void {
    const { path } = this.#options;
    const { code } = this.#socket;
    const problem = error ?? (this.left === undefined ? new Error(`${path}: the relay ended it: ${code}`) : undefined);
    for (const stream of this.#streams) stream.end(problem);
    for (const { reject } of this.#introductions.values()) reject(problem ?? new Error("want to be introduced"));
    if (problem !== undefined) throw problem;
  }
}
