/**
 * One side of a conversation inside the socket to the relay, with the interface of a WebSocket.
 *
 * @module
 */

import { CLOSE, type Close, creditCost, type Opening, type RecordWriter, WIRE_LIMITS } from "../../protocol.ts";
import { End } from "../socket/end.ts";
import { Inbox, type PeerData } from "../socket/inbox.ts";
import { checkListener } from "../socket/check_listener.ts";
import { ABNORMAL_CLOSURE, CLOSED, CLOSING, CONNECTING, NO_CODE, NORMAL_CLOSURE, OPEN } from "../socket/ready_state.ts";
import { checkClose, payloadOf, type Sendable } from "../socket/sending.ts";
import { SocketEvents } from "../socket/socket_events.ts";
import { Incoming, type IncomingLimits } from "./incoming.ts";
import { Outgoing } from "./outgoing.ts";
import type { Time } from "./time.ts";

export { READY_BELOW_BYTES } from "./outgoing.ts";

/** How long data may delay a close while no credit comes that lets some of it go. */
const CLOSE_WITHIN_MS = 60_000;

/** What a stream needs of the socket that it is in. */
export interface StreamHost extends IncomingLimits {
  readonly time: Time;
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
  readonly url: string;
  readonly protocol = "";
  readonly extensions = "";
  /** What binary messages come as. */
  binaryType: BinaryType = "arraybuffer";
  /** Given by the host; 0 until it has one. */
  number = 0;
  /** Bytes that it may still write in its turn. */
  deficit = 0;
  /** It waits for its turn. */
  isQueued = false;
  /** It waits to say what needs no credit. */
  isWordQueued = false;
  readonly #options: PeerStreamOptions;
  readonly #host: StreamHost;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #inbox = new Inbox();
  readonly #close = new End();
  #readyState = CONNECTING;
  /** Somebody listens for events, which cost more than to call a listener of `on("data")`. */
  #tellsMessages = false;
  /** What is sent behind all data, and what the application asked for. */
  #farewell: { readonly said: Close; readonly told: Close } | undefined;
  #cancelFarewell = () => {};

  constructor(options: PeerStreamOptions, host: StreamHost) {
    super();
    this.url = options.url;
    this.#options = options;
    this.#host = host;
    this.#incoming = new Incoming(host);
    this.#outgoing = new Outgoing({
      hasData: () => host.hasData(this),
      failed: (error) => this.#unreadable(error),
    });
  }

  get opening(): Opening {
    return this.#options;
  }

  get readyState(): number {
    return this.#readyState;
  }

  /** Bytes of messages that have not gone out. */
  get bufferedAmount(): number {
    return this.#outgoing.bytes;
  }

  /** Resolves when less than 256 KiB are buffered, or at the end: for who sends much. */
  get ready(): Promise<void> {
    return this.#outgoing.ready;
  }

  /** Sends text, or binary from an `ArrayBuffer`, a view of one, or a `Blob`. What comes too late goes nowhere. */
  send(data: Sendable): void {
    if (this.#readyState === CONNECTING) throw new DOMException("Cannot send: it is connecting", "InvalidStateError");
    if (this.#readyState !== OPEN) return;
    const payload = payloadOf(data);
    if (payload.size > this.#host.messageBytes) this.#refuse(CLOSE.tooBig);
    else this.#outgoing.send(payload);
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
    checkListener(event, listener);
    if (event === "data") this.#inbox.listen(listener as (data: PeerData) => void);
    else this.#close.listen(listener as (event: unknown) => void);
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
    this.#closeInTime();
    this.#outgoing.behind(() => this.#bid(farewell));
  }

  /** The socket has ended. */
  lost(close: Close): void {
    this.#end({ ...close, wasClean: false });
  }

  /** The other side is there: it may send all that the relay allows. */
  opened(): void {
    this.#incoming.paired();
    this.#host.hasWord(this);
    if (this.#readyState === CONNECTING) this.#open();
  }

  /** Data has come. Throws a {@link Violation}. */
  receive(payload: Uint8Array, isText: boolean, hasMore: boolean): void {
    const message = this.#incoming.add(payload, { isText, hasMore });
    if (this.#incoming.isCreditDue) this.#host.hasWord(this);
    if (message === undefined) return;
    if (typeof message === "object" && "code" in message) this.#refuse(message);
    else if (this.#readyState === OPEN) this.#deliver(message);
  }

  /** The relay takes so many bytes more. Throws a {@link Violation}. */
  grant(bytes: number): void {
    this.#outgoing.grant(bytes);
    // What goes out slowly is not lost.
    if (this.#readyState === CLOSING && this.nextLength() !== undefined) this.#closeInTime();
  }

  /** The other end has closed it. */
  closed(close: Close): void {
    this.#end({ ...close, wasClean: true });
  }

  /** Writes what needs no credit. False: it does not fit the frame. */
  writeFirst(frame: RecordWriter): boolean {
    // A window is no longer than the longest close.
    if (!frame.fits(2 + WIRE_LIMITS.closeReasonBytes)) return false;
    this.isWordQueued = false;
    if (this.#readyState === CLOSED) return true;
    if (this.#farewell !== undefined && this.#outgoing.isWritten) this.#writeClose(frame, this.#farewell);
    else this.#writeWindow(frame);
    return true;
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(): number | undefined {
    return this.#outgoing.nextLength();
  }

  /** Writes the next record. @param length What {@link PeerStream.nextLength} has given. */
  writeNext(frame: RecordWriter, length: number): void {
    this.deficit -= creditCost(length);
    this.#outgoing.write(frame, this.number, length);
    if (this.#farewell !== undefined && this.#outgoing.isWritten) this.#host.hasWord(this);
  }

  #forgo(): void {
    this.#tellsMessages = true;
    this.#inbox.forgo();
  }

  #open(): void {
    this.#readyState = OPEN;
    this.tell("open");
  }

  #unreadable(error: unknown): void {
    this.tell("error", { message: `cannot send a Blob: ${error}` });
    this.#refuse(CLOSE.peerLost);
  }

  /** Ends it at once: what is wrong cannot be mended. */
  #refuse(close: Close): void {
    if (this.#readyState === CLOSED) return;
    this.#outgoing.end();
    this.#readyState = CLOSING;
    this.#bid({ said: close, told: close });
  }

  #bid(farewell: { readonly said: Close; readonly told: Close }): void {
    if (this.#readyState === CLOSED) return;
    this.#farewell ??= farewell;
    if (this.#outgoing.isWritten) this.#host.hasWord(this);
  }

  #closeInTime(): void {
    this.#cancelFarewell();
    this.#cancelFarewell = this.#host.time.after(CLOSE_WITHIN_MS, () => this.#hurry());
  }

  /** What could not be said is lost, and both sides hear so. */
  #hurry(): void {
    const { told = CLOSE.peerLost } = this.#farewell ?? {};
    if (!this.#outgoing.isWritten) this.#farewell = { said: CLOSE.peerLost, told };
    this.#outgoing.end();
    this.#bid({ said: CLOSE.peerLost, told });
  }

  #deliver(message: string | ArrayBuffer): void {
    const data = typeof message === "object" && this.binaryType === "blob" ? new Blob([message]) : message;
    if (this.#tellsMessages) this.dispatchEvent(new MessageEvent("message", { data }));
    this.#inbox.receive(data as PeerData);
  }

  #writeWindow(frame: RecordWriter): void {
    const due = this.#incoming.takeCredit();
    if (due > 0) frame.window(this.number, due);
  }

  #writeClose(frame: RecordWriter, { said, told }: { readonly said: Close; readonly told: Close }): void {
    frame.close(this.number, said);
    this.#end({ ...told, wasClean: said !== CLOSE.peerLost });
  }

  #end(ended: Ended): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#cancelFarewell();
    this.#outgoing.end();
    this.#incoming.clear();
    this.#host.ended(this);
    this.tell("close", { ...ended });
    this.#close.come(ended);
  }
}
