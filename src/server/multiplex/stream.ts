/**
 * One side of a conversation inside a peer's socket: a socket like any other to pairing.
 *
 * @module
 */

import {
  CLOSE,
  type Close,
  creditCost,
  type RecordReader,
  type RecordWriter,
  Violation,
  WIRE_LIMITS,
} from "../../protocol.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { Budget } from "../core/memory_budget.ts";
import { Part } from "../core/message.ts";
import {
  type Chunk,
  detached,
  type Ending,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  Splice,
} from "../transport/transport.ts";
import { PartReader } from "../websocket/part_reader.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { type FrameOwner, RecordRun } from "./record_run.ts";
import { SendQueue } from "./send_queue.ts";

/** What a stream needs of the socket that it is in. */
export interface StreamHost extends FrameOwner {
  readonly clock: Clock;
  readonly budget: Budget;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  /** The stream has something to say that needs no credit: {@link Stream.writeFirst}. */
  hasWord(stream: Stream): void;
  /** It has something to say along with what is said next. */
  hasWordAlong(stream: Stream): void;
  /** The stream has data, and perhaps the credit to send it. */
  hasData(stream: Stream): void;
  /** Writes it at once, if nobody waits for a turn; says whether it did. */
  writeNow(stream: Stream, data: Part | RecordRun): boolean;
  /** The stream is over. */
  ended(stream: Stream): void;
}

/** Credit of the client at which it gets a window back. */
const GIVE_AT_BYTES = LIMITS.streamWindowBytes / 2;
/** The same where something is said to it anyway: a peer that is answered gets no frame for its credit alone. */
const GIVE_ALONG_AT_BYTES = LIMITS.streamWindowBytes * 5 / 8;

const VANISHED: Ending = { code: undefined, reason: "" };

/** The client has one end of it. */
export class Stream implements PeerSocket {
  readonly isStream = true;
  /** Bytes that it may still write in its turn. */
  deficit = 0;
  /** It waits for its turn. */
  isQueued = false;
  /** It waits to say what needs no credit. */
  hasWord = false;
  /** It waits to say it along with what is said next. */
  hasWordAlong = false;
  readonly #host: StreamHost;
  #listener: SocketListener = NOBODY;
  #queue: SendQueue | undefined;
  /** Bytes that the client has credit for, and that it has given credit for. */
  #given: number = WIRE_LIMITS.firstWindowBytes;
  #got: number = WIRE_LIMITS.firstWindowBytes;
  #isPaired = false;
  /** The other side is a stream of this instance, which takes runs. */
  #isAmongStreams = false;
  #owesOpened = false;
  #isPaused = false;
  /** The message that has begun and not ended. */
  #message: IncomingMessage | undefined;
  #closing: Close | undefined;
  #isOver = false;
  /** Data waits for credit, since this was set. */
  #stall: Timer | undefined;
  /** Reads what comes from a connection socket that gives frames as bytes. */
  #reader: PartReader | undefined;

  constructor(readonly number: number, host: StreamHost) {
    this.#host = host;
  }

  get budget(): Budget {
    return this.#host.budget;
  }

  get backlog(): number {
    return this.#queue?.weight ?? 0;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  send(chunk: Chunk): void {
    if (this.#closing !== undefined || this.#isOver) return;
    const isRun = chunk instanceof RecordRun;
    if ((isRun || chunk instanceof Part) && this.#writeNow(chunk)) return;
    const queue = this.#queue ??= new SendQueue();
    if (isRun) { for (const part of chunk.parts()) queue.push(part); }
    else if (chunk instanceof Splice) this.#sendSplice(queue, chunk);
    else queue.push(chunk instanceof Part ? chunk : Part.of(detached(chunk)));
    this.#host.hasData(this);
  }

  close(close: Close): void {
    if (this.#closing !== undefined || this.#isOver) return;
    this.#closing = sendable(close);
    // What nobody took is what the relay closes it for. A peer may say the same code behind its data.
    if (close === CLOSE.slowReader || close === CLOSE.outOfBuffers) this.#drop();
    this.#host.hasWord(this);
  }

  paired(partner: PeerSocket): void {
    this.#isPaired = this.#owesOpened = true;
    this.#isAmongStreams = partner instanceof Stream;
    this.#host.hasWord(this);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#giveCredit();
  }

  terminate(): void {
    this.close(CLOSE.peerLost);
    this.#cut(CLOSE.outOfBuffers);
  }

  /** The client has sent data. Throws a {@link Violation}. */
  receive(record: RecordReader): void {
    // It crossed our close.
    if (this.#closing !== undefined) return;
    if (!this.#receiveRun(record)) this.#receiveOne(record);
  }

  /** The client takes so many bytes more. Throws a {@link Violation}. */
  grant(bytes: number): void {
    if (this.#got + bytes > WIRE_LIMITS.creditBytes) throw new Violation("credit is beyond 2^31-1");
    this.#got += bytes;
    // A close does not wait for a reader that grants a byte now and then, for which nothing can be sent.
    if (this.#closing !== undefined && this.#queue?.nextLength(this.#got) === undefined) return;
    this.#stopWaiting();
    if (this.#queue !== undefined && !this.#queue.isEmpty && !this.isQueued) this.#host.hasData(this);
  }

  /** The client has closed. */
  closed(close: Close): void {
    this.#end(close);
  }

  /** The socket has ended. */
  lost(): void {
    this.#end(VANISHED);
  }

  /** Writes what needs no credit. False: it does not fit the frame. */
  writeFirst(frame: RecordWriter): boolean {
    // An `opened` and a window are no longer than the longest close.
    if (!frame.fits(2 * (2 + WIRE_LIMITS.closeReasonBytes))) return false;
    this.hasWord = this.hasWordAlong = false;
    if (this.#isOver) return true;
    if (this.#owesOpened) frame.opened(this.number);
    this.#owesOpened = false;
    if (this.#closing === undefined) this.#writeWindow(frame);
    else if (this.backlog === 0) this.#writeClose(frame, this.#closing);
    return true;
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(): number | undefined {
    const length = this.#isPaired ? this.#queue?.nextLength(this.#got) : undefined;
    if (length === undefined && this.backlog > 0) this.#wait();
    return length;
  }

  /** Writes the next record. @param length What {@link nextLength} has given. */
  writeNext(frame: RecordWriter, length: number): void {
    this.#got -= creditCost(length);
    this.deficit -= creditCost(length);
    this.#queue!.write(frame, this.number, length);
    if (!this.#queue!.isEmpty) return;
    if (this.#closing !== undefined) this.#host.hasWord(this);
  }

  /** Some of its data is written: its partner may go on. */
  drained(): void {
    this.#listener.drained?.();
  }

  /** Most messages are small, and nobody waits: they are copied once, and never queued. */
  #writeNow(data: Part | RecordRun): boolean {
    if (!this.#isPaired || (this.#queue !== undefined && !this.#queue.isEmpty)) return false;
    const isPart = data instanceof Part;
    const cost = isPart ? creditCost(data.byteLength) : data.cost;
    if (cost > this.#got || !this.#host.writeNow(this, data)) return false;
    this.#got -= cost;
    return true;
  }

  #sendSplice(queue: SendQueue, splice: Splice): void {
    this.#reader ??= new PartReader();
    for (const part of this.#reader.read(splice.bytes).parts) queue.push(part);
    splice.release();
  }

  /** False: the record has to be read alone. */
  #receiveRun(record: RecordReader): boolean {
    if (!this.#isAmongStreams || this.#message !== undefined) return false;
    const run = RecordRun.read(record, { credit: this.#given, messageBytes: this.#host.maxMessageBytes });
    if (run === undefined) return false;
    this.#given -= run.cost;
    run.owner = this.#host;
    this.#listener.message(run);
    this.#giveCredit();
    return true;
  }

  #receiveOne(record: RecordReader): void {
    const cost = creditCost(record.length);
    if (cost > this.#given) throw new Violation("more data than credit");
    this.#given -= cost;
    const begins = this.#message === undefined;
    const problem = this.#problemWith(record);
    if (problem !== undefined) return this.#fail(problem, problem === CLOSE.tooBig ? problem : VANISHED);
    const { frame, isText, hasMore, payloadStart, payloadEnd } = record;
    this.#listener.message(new Part(frame, isText, begins, !hasMore, payloadStart, payloadEnd));
    this.#giveCredit();
  }

  /** What is wrong with the next part of a message, if anything. */
  #problemWith(record: RecordReader): Close | undefined {
    const { isText, hasMore, length } = record;
    const { maxMessageBytes } = this.#host;
    // Most messages have one part and are not text.
    if (this.#message === undefined && !hasMore && !isText) return length > maxMessageBytes ? CLOSE.tooBig : undefined;
    const message = this.#message ?? new IncomingMessage(isText, maxMessageBytes);
    this.#message = hasMore ? message : undefined;
    return message.problemWith(record);
  }

  /** Gives credit back as soon as half a window is due, and somewhat earlier along with what is said. */
  #giveCredit(): void {
    if (this.#given > GIVE_ALONG_AT_BYTES || !this.#isPaired || this.#isPaused || this.#closing !== undefined) return;
    if (this.#given > GIVE_AT_BYTES) this.#host.hasWordAlong(this);
    else this.#host.hasWord(this);
  }

  #writeWindow(frame: RecordWriter): void {
    const due = LIMITS.streamWindowBytes - this.#given;
    if (!this.#isPaired || this.#isPaused || due <= 0) return;
    this.#given += due;
    frame.window(this.number, due);
  }

  #writeClose(frame: RecordWriter, close: Close): void {
    frame.close(this.number, close);
    this.#end(close);
  }

  /** Closes by itself: pairing hears of it at once. */
  #fail(close: Close, ending: Ending): void {
    this.close(close);
    this.#drop();
    this.#listener.ending(ending);
  }

  #wait(): void {
    this.#stall ??= this.#host.clock.after(LIMITS.stalledMs, () => this.#stalled());
  }

  #stopWaiting(): void {
    this.#stall?.cancel();
    this.#stall = undefined;
  }

  #stalled(): void {
    this.#stall = undefined;
    if (this.#closing === undefined) return this.#fail(CLOSE.slowReader, CLOSE.slowReader);
    this.#cut(CLOSE.slowReader);
  }

  /** It does not get what was said before its close: that is not the end that its partner meant. 1012 says so already. */
  #cut(close: Close): void {
    if (this.backlog > 0 && this.#closing?.code !== CLOSE.restarting.code) this.#closing = close;
    this.#drop();
    this.#host.hasWord(this);
  }

  #drop(): void {
    this.#queue = undefined;
    this.#stopWaiting();
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#drop();
    this.#host.ended(this);
    this.#listener.closed(ending);
  }
}
