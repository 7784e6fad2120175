/**
 * Protocol 5: one socket to the relay, for introductions and all conversations.
 *
 * @module
 */

import {
  CLOSE,
  type Close,
  KIND,
  MULTIPLEX_PROTOCOL,
  type Opening,
  readRelayMessage,
  RecordReader,
  type RelayMessage,
  unpackMessages,
  Violation,
  type Welcome,
  WIRE_LIMITS,
} from "../../protocol.ts";
import { Liveness } from "./liveness.ts";
import { PeerStream, type StreamHost } from "./peer_stream.ts";
import { Sender, type SenderOptions, type SessionSocket } from "./sender.ts";
import type { Time } from "./time.ts";
import { TokenRenewal } from "./token_renewal.ts";

export type { SessionSocket } from "./sender.ts";

const LEFT: Close = { code: 1000, reason: "" };
/** How streams end when the socket does, in the words of a socket that is lost. */
export const LOST: Close = { code: 1006, reason: CLOSE.peerLost.reason };
/** How long streams that end may say nothing: longer than each of them waits for credit. */
const LEAVE_WITHIN_MS = 65_000;
const HEARTBEAT = JSON.stringify({ type: "Heartbeat" });

/** Who hears what the relay says. */
export interface SessionListener {
  /** The relay has a token: the first, or another. */
  welcomed(): void;
  introduced(userName: string, documentIds: readonly string[]): void;
  /** Documents were not joined. */
  refused(documentIds: readonly string[], reason: string): void;
  /** The relay is going to stop: come again at a random moment within. */
  goAway(seconds: number): void;
  /** Something is wrong, and it goes on. */
  failed(error: Error): void;
  /** It cannot go on: the socket has to be given up. */
  broken(error: Error): void;
}

/** What a session needs. */
export interface SessionOptions {
  readonly socket: SessionSocket;
  readonly time: Time;
  /** Gives a token; undefined where there is none, or none that changes. */
  askToken(): Promise<string | undefined>;
}

/** How a stream is asked for. */
export interface StreamOptions extends Opening {
  /** Its address, as a socket of its own would have it. */
  readonly url: string;
  readonly isOpenWhenPaired: boolean;
}

/** The welcome in what a relay says first, if it speaks protocol 5. */
export function readWelcome(data: unknown): Welcome | undefined {
  if (typeof data !== "string" || !data.startsWith("[")) return undefined;
  try {
    const first = readRelayMessage(unpackMessages(data)[0]);
    return first?.type === "Welcome" && first.protocol >= MULTIPLEX_PROTOCOL ? first : undefined;
  } catch {
    return undefined;
  }
}

/** From the welcome to the end of the socket. */
export class Session implements StreamHost {
  readonly time: Time;
  messageBytes = 0;
  windowBytes = 0;
  readonly #listener: SessionListener;
  readonly #sender: Sender;
  readonly #liveness: Liveness;
  readonly #renewal: TokenRenewal;
  /** By number. */
  readonly #streams = new Map<number, PeerStream>();
  /** All, those that have no number yet included. */
  readonly #all = new Set<PeerStream>();
  #mostStreams = 0;
  #lastNumber = 0;
  #isGoingAway = false;
  #isOver = false;
  /** Hears that there are no streams any more. */
  #whenEmpty: (() => void) | undefined;
  #cancelLeave = () => {};

  /** @param welcome What the relay said first. The frame is to be {@link Session.heard} all the same. */
  constructor(welcome: Welcome, { socket, time, askToken }: SessionOptions, listener: SessionListener) {
    this.time = time;
    this.#listener = listener;
    this.#sender = this.#makeSender({ socket, time });
    this.#liveness = new Liveness(time, welcome.heartbeatSeconds * 1000, {
      ask: () => this.say([HEARTBEAT]),
      dead: () => listener.broken(new Error("the relay does not answer any more")),
    });
    const renewed = (token: string) => this.say([JSON.stringify({ type: "Token", token })]);
    this.#renewal = new TokenRenewal({ time, askToken, renewed, failed: (error) => listener.failed(error) });
  }

  /** New conversations can be begun. */
  get isWelcoming(): boolean {
    return !this.#isOver && !this.#isGoingAway && this.#whenEmpty === undefined;
  }

  /** Begins a conversation as soon as the relay has room for it. Nothing happens before this has returned. */
  open(options: StreamOptions): PeerStream {
    const stream = new PeerStream(options, this);
    this.#all.add(stream);
    this.#sender.hasStream(stream);
    return stream;
  }

  /** Says messages, each as JSON, with all that is said in this turn. */
  say(messages: Iterable<string>): void {
    this.#sender.say(messages);
  }

  /** A frame has come. */
  heard(data: unknown): void {
    if (this.#isOver) return;
    this.#liveness.heard();
    try {
      if (typeof data === "string") this.#hear(data);
      else this.#readRecords(new Uint8Array(data as ArrayBuffer));
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#listener.broken(new Error(`the relay broke protocol ${MULTIPLEX_PROTOCOL}: ${error.message}`));
    }
    this.#sender.heard();
  }

  /** Ends all streams behind what was sent, and tells when that is done: at once if nothing has to wait. */
  leave(close: Close, done: () => void): void {
    if (this.#isOver) return done();
    this.#whenEmpty = done;
    this.#renewal.stop();
    this.#leaveInTime();
    for (const stream of [...this.#all]) stream.leave(close);
    this.#sender.flush();
  }

  /** The socket has ended, and all streams with it. */
  end(close: Close): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#liveness.stop();
    this.#renewal.stop();
    this.#sender.stop();
    this.#cancelLeave();
    for (const stream of [...this.#all]) stream.lost(close);
  }

  hasWord(stream: PeerStream): void {
    this.#sender.hasWord(stream);
  }

  hasData(stream: PeerStream): void {
    this.#sender.hasData(stream);
  }

  ended(stream: PeerStream): void {
    this.#all.delete(stream);
    // There may be room for one that waits.
    if (this.#streams.delete(stream.number)) this.#sender.plan();
    this.#tellEmpty();
  }

  /** A relay that lives, and takes nothing more, is not waited for. */
  #leaveInTime(): void {
    this.#cancelLeave();
    this.#cancelLeave = this.time.after(LEAVE_WITHIN_MS, () => {
      this.end(LOST);
      this.#whenEmpty?.();
    });
  }

  #makeSender(options: SenderOptions): Sender {
    return new Sender(options, {
      number: (stream) => this.#number(stream),
      sent: () => this.#liveness.sent(),
      wrote: () => this.#whenEmpty !== undefined && !this.#isOver && this.#leaveInTime(),
      flushed: () => this.#tellEmpty(),
      broken: (error) => this.#listener.broken(error),
    });
  }

  #hear(text: string): void {
    for (const value of this.#tolerate(() => unpackMessages(text)) ?? []) {
      const message = this.#tolerate(() => readRelayMessage(value));
      if (message !== undefined && !this.#isOver) this.#follow(message);
    }
  }

  /** What is not understood is told, and passed over. */
  #tolerate<Result>(read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      this.#listener.failed(error as Error);
    }
  }

  #follow(message: RelayMessage): void {
    switch (message.type) {
      case "Welcome":
        return this.#welcomed(message);
      case "Introduction":
        // They come again when we do.
        return this.isWelcoming ? this.#listener.introduced(message.userName, message.documentIds) : undefined;
      case "Refusal":
        return this.#listener.refused(message.join, message.reason);
      case "GoAway":
        this.#isGoingAway = true;
        return this.#listener.goAway(message.reconnectWithinSeconds);
    }
  }

  #welcomed({ limits, expiresInSeconds }: Welcome): void {
    this.messageBytes = limits.messageBytes;
    const { firstWindowBytes, creditBytes } = WIRE_LIMITS;
    this.windowBytes = Math.min(Math.max(limits.windowBytes, firstWindowBytes), creditBytes);
    this.#mostStreams = Math.max(1, limits.streams);
    this.#renewal.welcomed(expiresInSeconds);
    this.#listener.welcomed();
    this.#sender.plan();
  }

  #readRecords(bytes: Uint8Array<ArrayBuffer>): void {
    const record = new RecordReader(bytes);
    while (!this.#isOver && record.next()) this.#take(record);
  }

  #take(record: RecordReader): void {
    const { kind, stream: number } = record;
    if (kind === KIND.open) throw new Violation("open from a relay");
    if (number > this.#lastNumber) throw new Violation("stream was not opened");
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    if (kind === KIND.data) stream.receive(record.payload, record.isText, record.hasMore);
    else if (kind === KIND.window) stream.grant(record.windowBytes);
    else if (kind === KIND.opened) stream.opened();
    else stream.closed(record.close);
  }

  /** 0: there is no room for it yet. */
  #number(stream: PeerStream): number {
    if (this.#streams.size >= this.#mostStreams) return 0;
    this.#streams.set(++this.#lastNumber, stream);
    return this.#lastNumber;
  }

  #tellEmpty(): void {
    const done = this.#whenEmpty;
    if (done === undefined || this.#isOver || this.#all.size > 0 || this.#sender.isFlushing) return;
    this.end(LEFT);
    done();
  }
}
