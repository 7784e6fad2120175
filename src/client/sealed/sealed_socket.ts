/**
 * A sealed conversation, with the interface of the WebSocket that carries it. Nobody between its two ends can read what is
 * said, nor change it without both hearing of it.
 *
 * @module
 */

import { CLOSE, type Close, SEAL_LIMITS } from "../../protocol.ts";
import { checkClose, payloadOf, type Sendable } from "../socket/sending.ts";
import { ABNORMAL_CLOSURE, CLOSED, CLOSING, CONNECTING, NO_CODE, NORMAL_CLOSURE, OPEN } from "../socket/ready_state.ts";
import { SocketEvents } from "../socket/socket_events.ts";
import { type Handshake, type HandshakeOptions, makeHandshake } from "./handshake.ts";
import { Arrivals, type Item, Outbox } from "./outbox.ts";
import { type Message, RecordReader, RecordWriter, type SealedClose, TooBigError } from "./records.ts";

/**
 * For the rest of a handshake, once the other side has spoken: as long as the client waits for a relay. Each takes some
 * milliseconds of work: as long as others of a thousand go on, its turn may still come.
 */
const HANDSHAKE_WITHIN_MS = 10_000;
/** For the rest of what was sent before a close, when the other side does not take it. */
const CLOSE_WITHIN_MS = 60_000;
const MEDDLED = "a message was altered, lost, repeated, or made without the secret";
/** The codes by which a relay tells what happened. Others from there are nobody's word. */
const RELAY_CODES: ReadonlySet<number> = new Set(Object.values(CLOSE).map(({ code }) => code));

/** What carries a conversation: a WebSocket, or whatever looks like one. */
export interface Carrier {
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: string;
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  // deno-lint-ignore no-explicit-any -- WebSockets type their listeners in many ways
  addEventListener(type: string, listener: (event: any) => void): void;
}

/** What a sealed conversation needs besides what carries it. */
export interface SealedSocketOptions extends HandshakeOptions {
  /** How many messages of handshakes all conversations of this client have heard. */
  readonly effort: { count: number };
  /** Runs `action` after a delay in milliseconds; returns how to cancel it. */
  after(milliseconds: number, action: () => void): () => void;
}

/** How it ends, and what the carrier and the application are told. */
interface End extends Close {
  readonly error?: string;
  readonly carrierClose?: Close;
  readonly wasClean?: boolean;
}

/** Open as soon as the other side has proved that it is there, and has the secret. */
export class SealedSocket extends SocketEvents {
  /** What binary messages come as. */
  binaryType: BinaryType = "arraybuffer";
  readonly #carrier: Carrier;
  readonly #options: SealedSocketOptions;
  readonly #handshake: Handshake;
  #hasBegun = false;
  readonly #arrivals = new Arrivals();
  readonly #outbox = new Outbox({
    send: (record) => this.#carrier.send(record),
    failed: (error) => this.#end({ ...CLOSE.peerLost, error: `cannot send a Blob: ${error}` }),
  });
  #writer: RecordWriter | undefined;
  #reader: RecordReader | undefined;
  #readyState = CONNECTING;
  #close: SealedClose = { code: ABNORMAL_CLOSURE, reason: "" };
  /** The other side closed it, as it says under its seal. */
  #wasToldClose = false;
  #cancelTimeout: (() => void) | undefined;

  constructor(carrier: Carrier, options: SealedSocketOptions) {
    super();
    this.#carrier = carrier;
    this.#options = options;
    this.#handshake = makeHandshake(options);
    carrier.binaryType = "arraybuffer";
    carrier.addEventListener("open", () => this.#begin());
    carrier.addEventListener("message", ({ data }) => this.#heard(data));
    carrier.addEventListener("error", (event) => this.#failed(event));
    carrier.addEventListener("close", (close) => this.#closed(close));
    if (carrier.readyState === OPEN) this.#begin();
  }

  /** The real name of the other side; undefined until it has proved to be there. */
  get userName(): string | undefined {
    return this.#handshake.meeting?.userName;
  }

  /** What carries it may end before it says so. */
  get readyState(): number {
    const { readyState } = this.#carrier;
    return readyState >= CLOSING ? Math.max(readyState, this.#readyState) : this.#readyState;
  }

  get bufferedAmount(): number {
    return this.#carrier.bufferedAmount + this.#outbox.waiting;
  }

  get url(): string {
    return this.#carrier.url;
  }

  get protocol(): string {
    return this.#carrier.protocol;
  }

  get extensions(): string {
    return this.#carrier.extensions;
  }

  /** Sends text, or binary from an `ArrayBuffer`, a view of one, or a `Blob`. What comes too late goes nowhere. */
  send(data: Sendable): void {
    if (this.#readyState === CONNECTING) throw new DOMException("Cannot send: it is connecting", "InvalidStateError");
    if (this.#readyState === OPEN) this.#outbox.add(this.#itemOf(data));
  }

  /** Ends it behind all that was sent. Throws for a code that is neither 1000 nor from 3000 to 4999, or a long reason. */
  close(code?: number, reason = ""): void {
    checkClose(code, reason);
    if (this.#readyState >= CLOSING) return;
    const wasOpen = this.#readyState === OPEN;
    this.#readyState = CLOSING;
    if (!wasOpen) return this.#carrier.close(NORMAL_CLOSURE);
    this.#close = { code: code ?? NO_CODE, reason };
    this.#outbox.add({ size: 0, bytes: new Uint8Array(0), records: () => this.#farewell() });
    this.#closeInTime();
  }

  /** As long as the other side takes something, it has another minute for the rest. */
  #closeInTime(): void {
    this.#cancelTimeout?.();
    if (this.#outbox.isEmpty) return;
    this.#cancelTimeout = this.#options.after(CLOSE_WITHIN_MS, () => this.#end({ ...this.#close, wasClean: false }));
  }

  #begin(): void {
    if (this.#hasBegun || this.#readyState !== CONNECTING) return;
    this.#hasBegun = true;
    const message = this.#handshake.begin();
    if (message !== undefined) this.#carrier.send(message);
  }

  #heard(data: unknown): void {
    if (this.#readyState === CLOSED || this.#wasToldClose) return;
    this.#begin(); // not every runtime says that it is open before it says something
    try {
      const bytes = readBinary(data);
      if (this.#readyState === CONNECTING) return this.#meet(bytes);
      if (this.#reader === undefined) return; // closed before it was open
      const message = this.#reader.read(bytes);
      this.#acknowledge(bytes);
      if (message !== undefined) this.#deliver(message);
    } catch (error) {
      if (error instanceof TooBigError) this.#end({ ...CLOSE.tooBig, error: error.message });
      else this.#break(MEDDLED);
    }
  }

  #meet(bytes: Uint8Array): void {
    this.#options.effort.count += 1;
    if (this.#cancelTimeout === undefined) this.#expectMore();
    const answer = this.#handshake.heard(bytes);
    if (answer !== undefined) this.#carrier.send(answer);
    if (this.#handshake.meeting !== undefined) this.#open();
  }

  #expectMore(): void {
    const { after, effort } = this.#options;
    const before = effort.count;
    this.#cancelTimeout = after(HANDSHAKE_WITHIN_MS, () => {
      if (effort.count > before) this.#expectMore();
      else this.#break(`the peer did not end its handshake in ${HANDSHAKE_WITHIN_MS / 1000} s`);
    });
  }

  #open(): void {
    const { sending, receiving } = this.#handshake.meeting!.ciphers;
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
    this.#writer = new RecordWriter(sending);
    this.#reader = new RecordReader(receiving);
    this.#readyState = OPEN;
    this.tell("open");
  }

  /** As soon as it is read: who listens may take its time with messages, but it has them. */
  #acknowledge(record: Uint8Array): void {
    const bytes = this.#arrivals.count(record);
    if (bytes !== undefined) this.#carrier.send(this.#writer!.arrived(bytes));
  }

  #deliver(message: Message): void {
    switch (message.kind) {
      case "arrived":
        return this.#arrived(message.bytes);
      case "text":
        return this.#tellMessage(message.text);
      case "binary":
        return this.#tellMessage(this.binaryType === "blob" ? new Blob([message.bytes]) : message.bytes.buffer);
      case "close":
        this.#close = message.close;
        this.#wasToldClose = true;
        this.#readyState = CLOSING;
        this.#outbox.stop();
        this.#carrier.close(NORMAL_CLOSURE);
    }
  }

  #arrived(bytes: number): void {
    this.#outbox.arrived(bytes);
    if (this.#readyState === CLOSING) this.#closeInTime();
  }

  /** As a WebSocket, it tells nothing more once it is being closed. */
  #tellMessage(data: string | ArrayBuffer | Blob): void {
    if (this.#readyState === OPEN) this.dispatchEvent(new MessageEvent("message", { data }));
  }

  #itemOf(data: Sendable): Item {
    const { isText, size, bytes } = payloadOf(data);
    return { size, bytes, records: (ready) => this.#records(isText ? "text" : "binary", ready) };
  }

  #records(kind: "text" | "binary", bytes: Uint8Array): Iterable<Uint8Array<ArrayBuffer>> {
    if (bytes.byteLength <= SEAL_LIMITS.messageBytes) return this.#writer!.write(kind, bytes);
    this.#end({ ...CLOSE.tooBig, error: CLOSE.tooBig.reason });
    return [];
  }

  *#farewell(): Iterable<Uint8Array<ArrayBuffer>> {
    yield* this.#writer!.close(this.#close);
    this.#carrier.close(NORMAL_CLOSURE);
  }

  /** A platform may say why it failed, and may say no more after that if it never opened. */
  #failed(event: { readonly message?: string }): void {
    if (this.#readyState !== CLOSED) this.tell("error", { message: event.message ?? "" });
  }

  #closed({ code, reason }: Close): void {
    const isBare = code === NORMAL_CLOSURE || code === NO_CODE;
    const isOurs = this.#readyState === CLOSING;
    if (this.#wasToldClose || (isBare && isOurs)) return this.#end({ ...this.#close, wasClean: true });
    if (code === CLOSE.sealBroken.code) {
      return this.#end({ ...CLOSE.sealBroken, error: "the peer says that the seal is broken" });
    }
    // A close that is nobody's word, or has lost it on the way.
    if (isBare || (code >= 3000 && !RELAY_CODES.has(code))) return this.#end(CLOSE.peerLost);
    this.#end({ code, reason });
  }

  #break(why: string): void {
    const { reason } = CLOSE.sealBroken;
    this.#end({ ...CLOSE.sealBroken, error: `${reason}: ${why}`, carrierClose: CLOSE.sealBroken });
  }

  #end({ code, reason, error, carrierClose, wasClean = false }: End): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#outbox.stop();
    this.#cancelTimeout?.();
    this.#carrier.close(carrierClose?.code ?? NORMAL_CLOSURE, carrierClose?.reason);
    if (error !== undefined) this.tell("error", { message: error });
    this.tell("close", { code, reason, wasClean });
  }
}

/** Nothing but binary messages comes from the other side. */
function readBinary(data: unknown): Uint8Array<ArrayBuffer> {
  if (typeof data === "string") throw new TypeError("Cannot read a record: want binary, got text");
  return new Uint8Array(data as ArrayBuffer);
}
