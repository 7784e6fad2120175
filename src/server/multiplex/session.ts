/**
 * One peer's socket that carries everything: introductions, and every conversation as a stream.
 *
 * @module
 */

import {
  CLOSE,
  type Close,
  KIND,
  MULTIPLEX_PROTOCOL,
  type Opening,
  RecordReader,
  Violation,
  WIRE_LIMITS,
} from "../../protocol.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { ConnectionKey } from "../core/connection_key.ts";
import { guard } from "../core/guard.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/log.ts";
import { parseJson } from "../core/json.ts";
import { type Budget, BudgetGroup, type Share } from "../core/memory_budget.ts";
import { asBytes, type Message, messageBytes, type Part } from "../core/message.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import type { Steps, WorkScheduler } from "../core/work_scheduler.ts";
import type { Ending, Frame, IntroductionSocket, PeerSocket, SocketListener } from "../transport/transport.ts";
import { type ControlHost, ControlSocket } from "./control_socket.ts";
import type { FramePool } from "./frame_pool.ts";
import { FrameQueue } from "./frame_queue.ts";
import { FrameWriter } from "./frame_writer.ts";
import { Stream, type StreamHost } from "./stream.ts";

/** What a token permits, and until when. */
export interface Permit {
  allowsPeer(id: string): boolean;
  allowsDocument(id: string): boolean;
  /** Milliseconds since 1970; left out: for ever. */
  readonly expiresAt?: number;
}

/** What sessions need of the relay. */
export interface SessionOptions {
  readonly budget: Budget;
  readonly clock: Clock;
  readonly log: Logger;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  /** What a token permits, or undefined when it is no valid one. */
  permitOf(token: string): Permit | undefined;
  /** Takes the peer's introductions over. */
  introduce(peerId: string, socket: IntroductionSocket, scope: Scope): void;
  /** Takes one side of a conversation over. */
  connect(key: ConnectionKey, socket: PeerSocket): void;
  /** Takes a place among all streams, or says why there is none. */
  takePlace(): Close | undefined;
  givePlaceBack(): void;
  readonly frames: FramePool;
  readonly scheduler: WorkScheduler;
  /** Runs this at the end of the turn of the event loop. */
  atEndOfTurn(action: () => void): void;
}

/** What the peer may be interested in, by its latest token. */
export interface Scope {
  allowsDocument(id: string): boolean;
  /** It allows nothing more. */
  readonly isExpired: boolean;
}

/** Values in one text frame: 10,000 documents, and some more. To read many more would keep others waiting. */
const MOST_VALUES = WIRE_LIMITS.documentsPerPeer + 2_000;

/** What discovery counts for a message that is not for it. */
const HEARTBEAT = '{"type":"Heartbeat"}';

/** One socket of one peer. */
export class Session implements SocketListener, StreamHost, ControlHost, Scope {
  readonly budget: BudgetGroup;
  readonly clock: Clock;
  readonly maxMessageBytes: number;
  readonly #peerId: string;
  readonly #socket: PeerSocket;
  readonly #options: SessionOptions;
  readonly #opens: TokenBucket;
  readonly #control: ControlSocket;
  readonly #streams = new Map<number, Stream>();
  readonly #writer: FrameWriter;
  readonly #flush: () => void;
  #permit: Permit;
  /** Frames whose records wait for a later turn; the first is being read. */
  readonly #unread = new FrameQueue();
  readonly #unreadShare: Share;
  #record: RecordReader | undefined;
  #lastNumber = 0;
  /** The stream of the latest record. */
  #latest: Stream | undefined;
  #isFlushDue = false;
  /** The socket is not full: what is said in this turn may be written at once. */
  #mayWrite = false;
  /** The peer said that it lives, and was not answered. */
  #owesHeartbeat = false;
  /** Looks whether the socket has taken something, where it is full. */
  #look: Timer | undefined;
  #lookMs = 0;
  /** When the socket began to be full. */
  #fullSince: number | undefined;
  #leastBacklog = Infinity;
  #isGoingAway = false;
  #isOver = false;

  constructor(peerId: string, socket: PeerSocket, permit: Permit, options: SessionOptions) {
    this.#peerId = peerId;
    this.#socket = socket;
    this.#permit = permit;
    this.#options = options;
    this.clock = options.clock;
    this.maxMessageBytes = options.maxMessageBytes;
    this.budget = new BudgetGroup(options.budget);
    this.#opens = new TokenBucket(options.clock, { perSecond: LIMITS.opensPerSecond, burst: LIMITS.openBurst });
    this.#unreadShare = this.budget.open({
      measure: () => this.#unread.bytes,
      evict: () => this.fail(CLOSE.outOfBuffers),
    });
    this.#control = new ControlSocket(this);
    this.#writer = new FrameWriter(options.frames);
    this.#flush = guard(this, options.log, () => this.#write());
    socket.listen(this);
    this.#welcome();
    options.introduce(peerId, this.#control, this);
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  get socketBacklog(): number {
    return this.#socket.backlog;
  }

  get isExpired(): boolean {
    return Date.now() >= (this.#permit.expiresAt ?? Infinity);
  }

  allowsDocument(id: string): boolean {
    return this.#permit.allowsDocument(id);
  }

  message(frame: Frame): void {
    if (this.#isOver) return;
    // Introduction sockets are never spliced.
    if (typeof frame === "string") this.#hear(frame);
    else this.#receive(asBytes(frame as Exclude<Message, string>));
    if (this.#look !== undefined) this.#plan();
  }

  drained(): void {
    if (this.#look !== undefined) this.#plan();
  }

  ending(ending: Ending): void {
    this.#control.listener.ending(ending);
    this.#end();
  }

  closed(ending: Ending): void {
    this.#control.listener.closed(ending);
    this.#end();
    this.budget.end();
  }

  hasWord(stream?: Stream): void {
    if (stream !== undefined) this.#writer.hasWord(stream);
    this.#plan();
  }

  hasData(stream: Stream): void {
    this.#writer.hasData(stream);
    this.#plan();
  }

  writeNow(stream: Stream, part: Part): boolean {
    this.#plan();
    return this.#mayWrite && this.#writer.writeNow(stream, part);
  }

  ended(stream: Stream): void {
    if (this.#latest === stream) this.#latest = undefined;
    if (this.#streams.delete(stream.number)) this.#options.givePlaceBack();
  }

  /** Closes the socket behind what was said, and with it all streams. */
  close(close: Close): void {
    if (this.#isOver) return;
    this.#writeLast();
    this.#end();
    this.#socket.close(close);
  }

  /** The relay's own fault. */
  fail(close: Close): void {
    if (this.#isOver) return;
    this.close(close);
    this.#control.listener.ending(close);
  }

  goAway(seconds: number): void {
    this.#isGoingAway = true;
    this.#control.say({ type: "GoAway", reconnectWithinSeconds: seconds });
  }

  #welcome(): void {
    const { expiresAt } = this.#permit;
    const expiry = expiresAt === undefined ? {} : { expiresInSeconds: Math.max(0, (expiresAt - Date.now()) / 1000) };
    this.#control.say({
      type: "Welcome",
      protocol: MULTIPLEX_PROTOCOL,
      limits: {
        messageBytes: this.maxMessageBytes,
        documents: WIRE_LIMITS.documentsPerPeer,
        streams: LIMITS.streamsPerSocket,
        windowBytes: LIMITS.streamWindowBytes,
      },
      heartbeatSeconds: LIMITS.heartbeatSeconds,
      ...expiry,
    });
  }

  #hear(text: string): void {
    const messages = messageBytes(text) <= WIRE_LIMITS.introductionBytes ? read(text) : undefined;
    // Discovery says what is wrong with it, and counts.
    if (messages === undefined) return this.#control.listener.message(text);
    for (const message of messages) {
      if (this.#isOver) return;
      this.#hearOne(message);
    }
  }

  /** What is not known, too, is counted where rates are. */
  #hearOne(message: unknown): void {
    const type = typeOf(message);
    if (type === "Heartbeat") this.#answerHeartbeat();
    else if (type === "Token") this.#replaceToken((message as { token: unknown }).token);
    const isForDiscovery = type === undefined || type === "Join" || type === "Leave";
    this.#control.listener.message(isForDiscovery ? JSON.stringify(message) : HEARTBEAT);
  }

  #answerHeartbeat(): void {
    this.#owesHeartbeat = true;
    this.#plan();
  }

  #replaceToken(token: unknown): void {
    const permit = typeof token === "string" ? this.#options.permitOf(token) : undefined;
    if (permit === undefined || !permit.allowsPeer(this.#peerId)) return this.fail(CLOSE.badToken);
    this.#permit = permit;
    this.#welcome();
  }

  /** Reads a frame at once, but for what has to wait. */
  #receive(frame: Uint8Array<ArrayBuffer>): void {
    const isNext = this.#unread.isEmpty;
    if (isNext && this.#readFrame(frame)) return;
    this.#unread.push(frame);
    this.#weighUnread();
    if (!isNext) return;
    this.#options.scheduler.run(this.#catchUp(), (error) => {
      this.#options.log.error("a socket's records failed: {error}", { error });
      this.fail(CLOSE.relayFailed);
    });
  }

  /** The rest of what came, in later turns: everybody else has a turn in between. */
  *#catchUp(): Steps {
    for (let frame = this.#unread.first; frame !== undefined && !this.#isOver; frame = this.#unread.first) {
      if (this.#readFrame(frame)) this.#unread.shift();
      this.#weighUnread();
      yield;
    }
  }

  /** False: so many streams were opened that the rest has to wait. */
  #readFrame(frame: Uint8Array<ArrayBuffer>): boolean {
    try {
      const record = this.#record ??= new RecordReader(frame);
      for (let opens = 0; !this.#isOver && record.next();) {
        this.#take(record);
        if (record.kind === KIND.open && ++opens === LIMITS.opensAtOnce) return false;
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.fail({ code: 1002, reason: error.message });
    }
    this.#record = undefined;
    return true;
  }

  /** What waits to be read counts, and its sender is not read on where it can be paused. */
  #weighUnread(): void {
    const { bytes } = this.#unread;
    this.#unreadShare.set(bytes);
    if (bytes > LIMITS.pauseUnheardBytes) this.#socket.pause?.();
    else this.#socket.resume?.();
    if (bytes > LIMITS.unheardBytes) this.fail(CLOSE.flooding);
  }

  #take(record: RecordReader): void {
    const { kind, stream: number } = record;
    if (kind === KIND.open) return this.#open(number, record.opening);
    if (kind === KIND.opened) throw new Violation("opened from a client");
    if (number > this.#lastNumber) throw new Violation("stream was not opened");
    // What comes in one frame is often of one stream.
    const stream = this.#latest?.number === number ? this.#latest : this.#streams.get(number);
    if (stream === undefined) return;
    this.#latest = stream;
    if (kind === KIND.data) stream.receive(record);
    else if (kind === KIND.window) stream.grant(record.windowBytes);
    else stream.closed(record.close);
  }

  #open(number: number, { userName, documentId }: Opening): void {
    if (number !== this.#lastNumber + 1) throw new Violation("stream is not the last one plus 1");
    this.#lastNumber = number;
    if (!this.#opens.take()) return this.fail(CLOSE.flooding);
    const refusal = this.#refusalOf(userName, documentId) ?? this.#options.takePlace();
    if (refusal !== undefined) return this.#refuse(number, refusal);
    const stream = new Stream(number, this);
    this.#streams.set(number, stream);
    this.#options.connect(
      { localId: this.#peerId, remoteId: userName, documentId, requestedAt: Date.now(), isStream: true },
      stream,
    );
  }

  /** One admission for all, as for connection sockets. */
  #refusalOf(userName: string, documentId: string): Close | undefined {
    if (this.#isGoingAway) return CLOSE.restarting;
    if (userName === this.#peerId) return { code: 1002, reason: "a peer cannot connect to itself" };
    if (!this.allowsDocument(documentId)) return CLOSE.forbidden;
    return this.#streams.size < LIMITS.streamsPerSocket ? undefined : CLOSE.full;
  }

  #refuse(number: number, close: Close): void {
    this.#writer.refuse(number, close);
    this.#plan();
  }

  #plan(): void {
    if (this.#isFlushDue || this.#isOver) return;
    this.#isFlushDue = true;
    this.#mayWrite = !this.#isFull;
    this.#options.atEndOfTurn(this.#flush);
  }

  /** Writes all that was said, as far as the socket takes it. */
  #write(): void {
    this.#isFlushDue = this.#mayWrite = false;
    if (this.#isOver) return;
    this.#stopLooking();
    // It has taken something.
    if (!this.#isFull) [this.#fullSince, this.#leastBacklog] = [undefined, Infinity];
    const isDone = this.#writeControl() && this.#writeStreams();
    if (isDone) this.#lookMs = 0;
    else this.#waitForRoom();
    this.#writer.tellDrained();
  }

  /** False: the socket is full. */
  #writeControl(): boolean {
    if (this.#isFull) return false;
    if (this.#owesHeartbeat) this.#control.say({ type: "Heartbeat" });
    this.#owesHeartbeat = false;
    for (const frame of this.#control.take()) this.#socket.send(frame);
    return true;
  }

  /** False: the socket is full. */
  #writeStreams(): boolean {
    for (;;) {
      if (this.#isFull) return false;
      const frame = this.#writer.next();
      if (frame === undefined) return true;
      this.#socket.send(frame);
    }
  }

  /** What needs no credit goes out before the socket ends. */
  #writeLast(): void {
    for (const frame of this.#control.take()) this.#socket.send(frame);
    for (let frame = this.#writer.nextWords(); frame !== undefined; frame = this.#writer.nextWords()) {
      this.#socket.send(frame);
    }
  }

  get #isFull(): boolean {
    return this.#socket.backlog > LIMITS.socketBacklogBytes;
  }

  /** Looks again when the socket says that it took something, when the peer says something, and after a while. */
  #waitForRoom(): void {
    this.#writer.detach();
    if (this.#isStalled()) return this.fail(CLOSE.slowReader);
    const { least, most } = LIMITS.lookAgainMs;
    this.#lookMs = Math.min(most, Math.max(least, this.#lookMs * 2));
    this.#look = this.clock.after(this.#lookMs, () => this.#plan());
  }

  /** The socket has taken nothing for too long. */
  #isStalled(): boolean {
    const { backlog } = this.#socket;
    const now = this.clock.now();
    if (backlog < this.#leastBacklog) [this.#leastBacklog, this.#fullSince] = [backlog, now];
    return now - this.#fullSince! >= LIMITS.stalledMs;
  }

  #stopLooking(): void {
    this.#look?.cancel();
    this.#look = undefined;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopLooking();
    this.#unread.clear();
    for (const stream of [...this.#streams.values()]) stream.lost();
  }
}

/** One message alone, or an array of them. */
function read(text: string): unknown[] | undefined {
  try {
    const value = parseJson(text, MOST_VALUES);
    return Array.isArray(value) ? value : [value];
  } catch {
    return undefined;
  }
}

function typeOf(message: unknown): string | undefined {
  const type = typeof message === "object" && message !== null ? (message as { type?: unknown }).type : undefined;
  return typeof type === "string" ? type : undefined;
}
