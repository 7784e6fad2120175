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
  type RecordReader,
  Violation,
  WIRE_LIMITS,
} from "../../protocol.ts";
import type { Clock } from "../core/clock.ts";
import type { ConnectionKey } from "../core/connection_key.ts";
import { guard } from "../core/guard.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/log.ts";
import { type Budget, BudgetGroup } from "../core/memory_budget.ts";
import type { Message, Part } from "../core/message.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import type { Steps, WorkScheduler } from "../core/scheduling/work_scheduler.ts";
import {
  type Chunk,
  type Ending,
  type IntroductionSocket,
  type PeerSocket,
  type SocketListener,
  Splice,
} from "../transport/transport.ts";
import { payloadStart } from "../websocket/encode.ts";
import { type ControlMessage, readMessages } from "./control_messages.ts";
import { type ControlHost, ControlSocket } from "./control_socket.ts";
import type { FramePool } from "./frame_pool.ts";
import { type FrameListener, FrameReader } from "./frame_reader.ts";
import type { RecordRun } from "./record_run.ts";
import { Sender } from "./sender.ts";
import { Stream, type StreamHost } from "./stream.ts";
import type { EventLoopTurn } from "../core/scheduling/event_loop_turn.ts";

/** What a token permits, and until when. */
export interface Permit {
  allowsPeer(id: string): boolean;
  allowsDocument(id: string): boolean;
  /** Milliseconds since 1970; left out: for ever. */
  readonly expiresAt?: number;
}

/** What the peer may be interested in, by its latest token. */
export interface Scope {
  allowsDocument(id: string): boolean;
  /** It allows nothing more. */
  readonly isExpired: boolean;
}

/** Charges a peer with microseconds of work. False: it has spent all, and was closed. */
export type Charge = (work: number) => boolean;

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
  introduce(peerId: string, socket: IntroductionSocket, scope: Scope): Charge;
  /** Takes one side of a conversation over. */
  connect(key: ConnectionKey, socket: PeerSocket): void;
  /** Takes a place among all streams, or says why there is none. */
  takePlace(): Close | undefined;
  givePlaceBack(): void;
  readonly frames: FramePool;
  readonly scheduler: WorkScheduler;
  readonly turn: EventLoopTurn;
}

/** One socket of one peer. */
export class Session implements SocketListener, FrameListener, StreamHost, ControlHost, Scope {
  readonly budget: BudgetGroup;
  readonly clock: Clock;
  readonly maxMessageBytes: number;
  readonly #peerId: string;
  readonly #socket: PeerSocket;
  readonly #options: SessionOptions;
  readonly #opens: TokenBucket;
  readonly #charge: Charge;
  readonly #control: ControlSocket;
  readonly #reader: FrameReader;
  readonly #sender: Sender;
  readonly #streams = new Map<number, Stream>();
  #permit: Permit;
  #lastNumber = 0;
  /** The stream of the latest record. */
  #latest: Stream | undefined;
  /** The frame that is being read, until it is given away, and its payload. */
  #frame: Splice | undefined;
  #payload: Uint8Array<ArrayBuffer> | undefined;
  #isGoingAway = false;
  /** The socket has ended; what it said before may still be read. */
  #isEnding = false;
  #isOver = false;

  constructor(peerId: string, socket: PeerSocket, permit: Permit, options: SessionOptions) {
    const { clock, frames, log, turn } = options;
    this.#peerId = peerId;
    this.#socket = socket;
    this.#permit = permit;
    this.#options = options;
    this.clock = clock;
    this.maxMessageBytes = options.maxMessageBytes;
    this.budget = new BudgetGroup(options.budget);
    this.#opens = new TokenBucket(clock, { perSecond: LIMITS.opensPerSecond, burst: LIMITS.openBurst });
    this.#control = new ControlSocket(this);
    const evict = () => this.fail(CLOSE.outOfBuffers);
    this.#reader = new FrameReader(this, { ...options, budget: this.budget, evict });
    const send = guard(this, log, () => this.#sender.send());
    const sending = { clock, frames, control: this.#control, plan: () => turn.atEnd(send) };
    this.#sender = new Sender(socket, { ...sending, failed: (close) => this.fail(close) });
    socket.listen(this);
    socket.giveFrames?.();
    this.#welcome();
    this.#charge = options.introduce(peerId, this.#control, this);
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

  message(chunk: Chunk): void {
    if (chunk instanceof Splice) this.#readFrame(chunk);
    else if (!this.#isOver) this.#reader.read(chunk as Message);
    this.#sender.lookAgain();
  }

  takeFrame(payload: Uint8Array<ArrayBuffer>): Splice | undefined {
    const frame = payload === this.#payload ? this.#frame : undefined;
    if (frame !== undefined) this.#frame = undefined;
    return frame;
  }

  drained(): void {
    this.#sender.lookAgain();
  }

  ending(ending: Ending): void {
    this.#atLast(() => {
      this.#control.listener.ending(ending);
      this.#end();
    });
  }

  closed(ending: Ending): void {
    this.#atLast(() => {
      this.#control.listener.closed(ending);
      this.#end();
      this.budget.end();
    });
  }

  /** What waits to be read is bounded, and its sender is not read on where it can be paused. */
  waits(bytes: number, textBytes: number): void {
    if (bytes > LIMITS.pauseUnheardBytes) this.#socket.pause?.();
    else this.#socket.resume?.();
    if (bytes > LIMITS.unreadBytes || textBytes > LIMITS.unheardBytes) this.fail(CLOSE.flooding);
  }

  violated({ message }: Violation): void {
    this.fail({ code: 1002, reason: message });
  }

  failed(error: unknown): void {
    this.#options.log.error("to read a socket failed: {error}", { error });
    this.fail(CLOSE.relayFailed);
  }

  *hear(text: string): Steps {
    const messages = readMessages(text);
    // Discovery says what is wrong with it, and counts.
    if (messages === undefined) return this.#control.listener.message(text);
    for (const message of messages) {
      if (this.#isOver) return;
      this.#hearOne(message);
      yield;
    }
  }

  take(record: RecordReader): void {
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

  said(): void {
    this.#sender.plan();
  }

  hasWord(stream: Stream): void {
    this.#sender.hasWord(stream);
  }

  hasWordAlong(stream: Stream): void {
    this.#sender.hasWordAlong(stream);
  }

  hasData(stream: Stream): void {
    this.#sender.hasData(stream);
  }

  writeNow(stream: Stream, data: Part | RecordRun): boolean {
    return this.#sender.writeNow(stream, data);
  }

  ended(stream: Stream): void {
    if (this.#latest === stream) this.#latest = undefined;
    if (this.#streams.delete(stream.number)) this.#options.givePlaceBack();
  }

  /** Closes the socket behind what was said, and with it all streams. */
  close(close: Close): void {
    if (this.#isOver) return;
    this.#sender.sendLast();
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

  #readFrame(frame: Splice): void {
    this.#frame = frame;
    this.#payload = frame.bytes.subarray(payloadStart(frame.bytes, 0));
    if (!this.#isOver) this.#reader.read(this.#payload);
    this.#frame?.release();
    this.#frame = this.#payload = undefined;
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

  #hearOne(message: ControlMessage): void {
    if (message.type === "Heartbeat") this.#sender.answerHeartbeat();
    else if (message.type === "Token") this.#replaceToken(message.token);
    this.#control.listener.message(message.text);
  }

  #replaceToken(token = ""): void {
    if (!this.#charge(LIMITS.tokenWork)) return;
    const permit = token.length > LIMITS.headBytes ? undefined : this.#options.permitOf(token);
    if (permit === undefined || !permit.allowsPeer(this.#peerId)) return this.fail(CLOSE.badToken);
    this.#permit = permit;
    this.#welcome();
  }

  #open(number: number, { userName, documentId }: Opening): void {
    if (number !== this.#lastNumber + 1) throw new Violation("stream is not the last one plus 1");
    this.#lastNumber = number;
    // Nobody is there any more to hear of it.
    if (this.#isEnding) return;
    if (!this.#charge(LIMITS.openWork)) return;
    if (!this.#opens.take()) return this.fail(CLOSE.flooding);
    const refusal = this.#refusalOf(userName, documentId) ?? this.#options.takePlace();
    if (refusal !== undefined) return this.#sender.refuse(number, refusal);
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

  /** The socket sends nothing any more. Its end comes behind what it has said, which may wait for a later turn. */
  #atLast(end: () => void): void {
    this.#isEnding = true;
    this.#sender.stop();
    this.#reader.afterwards(end);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sender.stop();
    this.#reader.stop();
    this.#options.scheduler.run(this.#loseStreams(), (error) => this.failed(error));
  }

  /** Each ends a pair: a socket may have very many. */
  *#loseStreams(): Steps {
    for (const stream of this.#streams.values()) {
      stream.lost();
      yield;
    }
  }
}
