/**
 * One side of a conversation inside the socket to the relay, with the interface of a WebSocket.
 *
 * @module
 */

import {
  CLOSE,
  type Close,
  creditCost,
  type Opening,
  type RecordWriter,
  Violation,
  WIRE_LIMITS,
} from "../../protocol.ts";
import { End } from "../socket/end.ts";
import { Inbox, type PeerData } from "../socket/inbox.ts";
import { Outbox } from "./outbox.ts";
import { checkClose, payloadOf, type Sendable } from "../socket/sending.ts";
import { SocketEvents } from "../socket/socket_events.ts";
import { Assembler } from "./assembler.ts";
import { SendQueue } from "./send_queue.ts";
import type { Time } from "./time.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
const NORMAL_CLOSURE = 1000;
const NO_CODE = 1005;
const ABNORMAL_CLOSURE = 1006;
/** How long data that has no credit may delay a close. */
const CLOSE_WITHIN_MS = 60_000;
/** Bytes below which more may well be sent. */
export const READY_BELOW_BYTES = 256 * 1024;

/** What a stream needs of the socket that it is in. */
export interface StreamHost {
  readonly time: Time;
  /** Bytes of one message. */
  readonly messageBytes: number;
  /** Bytes of credit that a paired stream gets. */
  readonly windowBytes: number;
  /** The stream has something to say that needs no credit: {@link PeerStream.writeFirst}. */
  hasWord(stream: PeerStream): void;
  /** The stream has data, and perhaps the credit to send it. */
  hasData(stream: PeerStream): void;
  /** The stream is over. */
  ended(stream: PeerStream): void;
}

/** How a stream is made. */
export interface PeerStreamOptions extends Opening {
  /** Its address, as a socket of its own would have it. */
  readonly url: string;
  /** It is open when the other side has come, and not before. */
  readonly isOpenWhenPaired: boolean;
}

interface Ended extends Close {
  readonly wasClean: boolean;
}

/** Begins when its host has a number for it, and is over with the first close that either end sends or gets. */
export class PeerStream extends SocketEvents {
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  readonly url: string;
  readonly protocol = "";
  readonly extensions = "";
  /** What binary messages come as. */
  binaryType: BinaryType = "arraybuffer";
  /** Given by the host; 0 until it has one. */
  number = 0;
  /** Bytes that it may still write in its turn. */
  deficit = 0;
  /** It stands in line for its turn. */
  isInLine = false;
  /** It stands in line to say what needs no credit. */
  isWordInLine = false;
  readonly #options: PeerStreamOptions;
  readonly #host: StreamHost;
  readonly #queue = new SendQueue();
  readonly #outbox = new Outbox((error) => this.#unreadable(error));
  readonly #assembler = new Assembler();
  readonly #inbox = new Inbox();
  readonly #close = new End();
  #readyState = CONNECTING;
  /** Somebody listens for events, which cost more than to call a listener of `on("data")`. */
  #tellsMessages = false;
  #isPaired = false;
  /** Bytes that the relay has credit for, and that it has given credit for. */
  #given: number = WIRE_LIMITS.firstWindowBytes;
  #got: number = WIRE_LIMITS.firstWindowBytes;
  /** What is sent behind all data, and what the application asked for. */
  #farewell: { readonly said: Close; readonly told: Close } | undefined;
  #cancelFarewell = () => {};
  #whenReady: (() => void)[] = [];

  constructor(options: PeerStreamOptions, host: StreamHost) {
    super();
    this.url = options.url;
    this.#options = options;
    this.#host = host;
  }

  get opening(): Opening {
    return this.#options;
  }

  get readyState(): number {
    return this.#readyState;
  }

  /** Bytes of messages that have not gone out. */
  get bufferedAmount(): number {
    return this.#queue.bytes + this.#outbox.waiting;
  }

  /** Resolves when less than 256 KiB are buffered, or at the end: for who sends much. */
  get ready(): Promise<void> {
    if (this.#isReady) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
  }

  /** Sends text, or binary from an `ArrayBuffer`, a view of one, or a `Blob`. What comes too late goes nowhere. */
  send(data: Sendable): void {
    if (this.#readyState === CONNECTING) throw new DOMException("Cannot send: it is connecting", "InvalidStateError");
    if (this.#readyState !== OPEN) return;
    const { isText, size, bytes } = payloadOf(data);
    if (size > this.#host.messageBytes) return this.#refuse(CLOSE.tooBig);
    if (bytes instanceof Uint8Array && this.#outbox.isEmpty) this.#push(isText ? bytes : bytes.slice(), isText);
    else this.#outbox.add({ size, bytes, send: (ready) => this.#push(ready, isText) });
  }

  /** The same as {@link PeerStream.send}. */
  write(data: Sendable): void {
    this.send(data);
  }

  /** Ends it behind all that was sent. Throws for a code that is neither 1000 nor from 3000 to 4999, or a long reason. */
  close(code?: number, reason = ""): void {
    checkClose(code, reason);
    this.leave({ code: code ?? NORMAL_CLOSURE, reason }, { code: code ?? NO_CODE, reason });
  }

  /** Calls `listener` with every message, or when the stream is over. See `PeerSocket`. */
  on(event: "data" | "close", listener: (value: never) => void): this {
    if (typeof listener !== "function") {
      throw new TypeError(`Cannot listen to a peer socket: want a function, got ${typeof listener}`);
    }
    if (event === "data") this.#inbox.listen(listener as (data: PeerData) => void);
    else if (event === "close") this.#close.listen(listener as (event: unknown) => void);
    else throw new TypeError(`Cannot listen to a peer socket: want "data" or "close", got ${JSON.stringify(event)}`);
    return this;
  }

  override addEventListener(...values: Parameters<EventTarget["addEventListener"]>): void {
    if (values[0] === "message") this.#forgo();
    super.addEventListener(...values);
  }

  /** Its host has given it a number, and says so to the relay. */
  begun(number: number): void {
    this.number = number;
    if (!this.#options.isOpenWhenPaired) this.#open();
  }

  /**
   * Ends it behind all that was sent, with any code.
   *
   * @param told What listeners here are told.
   */
  leave(said: Close, told: Close = said): void {
    if (this.#readyState >= CLOSING) return;
    const wasOpen = this.#readyState === OPEN;
    this.#readyState = CLOSING;
    // A WebSocket that has not opened has failed. What was not begun needs no end at the relay.
    const farewell = { said, told: wasOpen ? told : { code: ABNORMAL_CLOSURE, reason: "" } };
    if (this.number === 0) return queueMicrotask(() => this.#end({ ...farewell.told, wasClean: false }));
    this.#cancelFarewell = this.#host.time.after(CLOSE_WITHIN_MS, () => this.#hurry());
    if (this.#outbox.isEmpty) this.#bid(farewell);
    else this.#outbox.add({ size: 0, bytes: new Uint8Array(0), send: () => this.#bid(farewell) });
  }

  /** The socket has ended. */
  lost(close: Close): void {
    this.#end({ ...close, wasClean: false });
  }

  /** The other side is there: it may send all that the relay allows. */
  opened(): void {
    this.#isPaired = true;
    this.#host.hasWord(this);
    if (this.#readyState === CONNECTING) this.#open();
  }

  /** Data has come. Throws a {@link Violation}. */
  receive(payload: Uint8Array, isText: boolean, hasMore: boolean): void {
    this.#given -= creditCost(payload.byteLength);
    if (this.#given < 0) throw new Violation("more data than credit");
    const message = this.#assembler.add(payload, { isText, hasMore }, this.#host.messageBytes);
    if (this.#isPaired && this.#given <= this.#host.windowBytes / 2) this.#host.hasWord(this);
    if (message === undefined) return;
    if (typeof message === "object" && "code" in message) this.#refuse(message);
    else if (this.#readyState === OPEN) this.#deliver(message);
  }

  /** The relay takes so many bytes more. Throws a {@link Violation}. */
  grant(bytes: number): void {
    this.#got += bytes;
    if (this.#got > WIRE_LIMITS.creditBytes) throw new Violation("credit is beyond 2^31-1");
    if (!this.#queue.isEmpty) this.#host.hasData(this);
  }

  /** The other end has closed it. */
  closed(close: Close): void {
    this.#end({ ...close, wasClean: true });
  }

  /** Writes what needs no credit. False: it does not fit the frame. */
  writeFirst(frame: RecordWriter): boolean {
    // A window is no longer than the longest close.
    if (!frame.fits(2 + WIRE_LIMITS.closeReasonBytes)) return false;
    this.isWordInLine = false;
    if (this.#readyState === CLOSED) return true;
    if (this.#farewell !== undefined && this.#queue.isEmpty) this.#writeClose(frame, this.#farewell);
    else this.#writeWindow(frame);
    return true;
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(): number | undefined {
    return this.#queue.nextLength(this.#got);
  }

  /** Writes the next record. @param length What {@link PeerStream.nextLength} has given. */
  writeNext(frame: RecordWriter, length: number): void {
    this.#got -= creditCost(length);
    this.deficit -= creditCost(length);
    this.#queue.write(frame, this.number, length);
    if (this.#whenReady.length > 0) this.#tellReady();
    if (this.#farewell !== undefined && this.#queue.isEmpty) this.#host.hasWord(this);
  }

  get #isReady(): boolean {
    return this.#readyState === CLOSED || this.bufferedAmount < READY_BELOW_BYTES;
  }

  #forgo(): void {
    this.#tellsMessages = true;
    this.#inbox.forgo();
  }

  #open(): void {
    this.#readyState = OPEN;
    this.tell("open");
  }

  /** @param bytes Ours: whoever sends may change its own as soon as `send()` returns. */
  #push(bytes: Uint8Array, isText: boolean): void {
    if (this.#readyState === CLOSED) return;
    this.#queue.push(bytes, isText);
    this.#host.hasData(this);
  }

  #unreadable(error: unknown): void {
    this.tell("error", { message: `cannot send a Blob: ${error}` });
    this.#refuse(CLOSE.peerLost);
  }

  /** Ends it at once: what is wrong cannot be mended. */
  #refuse(close: Close): void {
    if (this.#readyState === CLOSED) return;
    this.#queue.clear();
    this.#readyState = CLOSING;
    this.#bid({ said: close, told: close });
  }

  #bid(farewell: { readonly said: Close; readonly told: Close }): void {
    if (this.#readyState === CLOSED) return;
    this.#farewell ??= farewell;
    if (this.#queue.isEmpty) this.#host.hasWord(this);
  }

  #hurry(): void {
    this.#queue.clear();
    this.#bid({ said: CLOSE.peerLost, told: CLOSE.peerLost });
    this.#host.hasWord(this);
  }

  #deliver(message: string | ArrayBuffer): void {
    const data = typeof message === "object" && this.binaryType === "blob" ? new Blob([message]) : message;
    if (this.#tellsMessages) this.dispatchEvent(new MessageEvent("message", { data }));
    this.#inbox.receive(data as PeerData);
  }

  #writeWindow(frame: RecordWriter): void {
    const due = this.#host.windowBytes - this.#given;
    if (!this.#isPaired || due <= 0) return;
    this.#given += due;
    frame.window(this.number, due);
  }

  #writeClose(frame: RecordWriter, { said, told }: { readonly said: Close; readonly told: Close }): void {
    frame.close(this.number, said);
    this.#end({ ...told, wasClean: true });
  }

  #tellReady(): void {
    if (!this.#isReady) return;
    const resolves = this.#whenReady;
    this.#whenReady = [];
    for (const resolve of resolves) resolve();
  }

  #end(ended: Ended): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#cancelFarewell();
    this.#queue.clear();
    this.#assembler.clear();
    this.#host.ended(this);
    this.#tellReady();
    this.tell("close", { ...ended });
    this.#close.come(ended);
  }
}
