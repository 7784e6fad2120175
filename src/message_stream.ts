/**
 * Messages of any size across a connection to a peer.
 *
 * A relay refuses frames over its bound, and cuts off whoever sends much more than the other side has read. So a message
 * crosses in pieces, and few of them are under way at a time:
 *
 *     binary   1 byte, then a piece of a message: 0 = exactly 64 KiB of it, and more follows; 1 = the rest of it
 *     text     a decimal number: this much has arrived since you were last told
 *
 * What has arrived is counted in bytes, and {@link FRAME_BYTES} for each frame.
 *
 * @module
 */

import type { PeerData, PeerSocket } from "./client/mod.ts";

/** Far below what any relay allows in one frame, and large enough that its frames cost nothing (README, Speed). */
const PIECE_BYTES = 64 * 1024;
/** What a relay counts for a frame besides its bytes. */
const FRAME_BYTES = 1024;
/** Under way at a time: a quarter of what a relay keeps for a slow reader. At 200 ms there and back, 20 MiB/s. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** How much arrives before the sender is told: often enough that it need not stop. */
const TELL_AFTER_BYTES = WINDOW_BYTES / 4;
/** The longest message, and the most that waits for its turn. No document of this size could be worked with. */
const MOST_BYTES = 256 * 1024 * 1024;
const MORE = 0;
const LAST = 1;
const OPEN = 1;
/** One of the codes that applications may use: the client connects again. */
const STALLED = { code: 4413, reason: "peer reads too slowly" } as const;

/** Who hears what comes across. */
export interface MessageListener {
  message(message: Uint8Array<ArrayBuffer>): void;
  /** The peer does not speak this protocol. Nothing more is heard. */
  failed(error: Error): void;
  /** All that had to wait has gone out. */
  drained?(): void;
}

/** Both directions of one connection. */
export class MessageStream {
  readonly #socket: PeerSocket;
  readonly #outbox = new Outbox();
  readonly #inbox = new Inbox();
  #room = WINDOW_BYTES;
  #untold = 0;
  #hasFailed = false;

  constructor(socket: PeerSocket, listener: MessageListener) {
    this.#socket = socket;
    socket.on("data", (data) => {
      const wasBusy = this.isBusy;
      const message = this.#hasFailed ? undefined : this.#understand(data, listener);
      if (message !== undefined) listener.message(message);
      else if (wasBusy && !this.isBusy) listener.drained?.();
    });
  }

  /** What is sent now has to wait. */
  get isBusy(): boolean {
    return this.waiting > 0;
  }

  /** How much has not gone out, as frames are counted. Nothing when the connection is over: it will not. */
  get waiting(): number {
    return this.#socket.readyState === OPEN ? this.#outbox.left : 0;
  }

  /**
   * Sends a message behind all that were sent before; when the connection is over, it goes nowhere. Too much of it, because
   * the peer does not read, ends the connection. Throws a `RangeError` for a message over 256 MiB.
   */
  send(message: Uint8Array): void {
    if (message.byteLength > MOST_BYTES) {
      throw new RangeError(`Cannot send a message: want at most ${MOST_BYTES} bytes, got ${message.byteLength}`);
    }
    if (this.#socket.readyState !== OPEN) return;
    if (this.#outbox.waiting + message.byteLength > MOST_BYTES) {
      return this.#socket.close(STALLED.code, STALLED.reason);
    }
    this.#outbox.add(message);
    this.#flush();
  }

  #flush(): void {
    while (this.#room > 0 && this.#socket.readyState === OPEN) {
      const frame = this.#outbox.next();
      if (frame === undefined) return;
      this.#room -= cost(frame);
      this.#socket.send(frame);
    }
  }

  #understand(data: PeerData, listener: MessageListener): Uint8Array<ArrayBuffer> | undefined {
    try {
      return this.#heard(data);
    } catch (error) {
      this.#hasFailed = true;
      listener.failed(error as Error);
    }
  }

  #heard(data: PeerData): Uint8Array<ArrayBuffer> | undefined {
    if (typeof data === "string") return this.#arrived(data);
    this.#tell(cost(data));
    return this.#inbox.add(new Uint8Array(data));
  }

  #arrived(text: string): undefined {
    const bytes = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(this.#room + bytes <= WINDOW_BYTES)) throw misunderstood("a number of bytes under way", text.slice(0, 100));
    this.#room += bytes;
    this.#flush();
  }

  #tell(bytes: number): void {
    this.#untold += bytes;
    if (this.#untold < TELL_AFTER_BYTES || this.#socket.readyState !== OPEN) return;
    this.#socket.send(String(this.#untold));
    this.#untold = 0;
  }
}

/** Messages that wait, to be taken as frames. */
class Outbox {
  /** Of all messages that have not gone out whole, as frames are counted. */
  waiting = 0;
  readonly #messages: Uint8Array[] = [];
  #offset = 0;

  /** The same without what has gone out of the first of them. */
  get left(): number {
    return this.waiting - this.#offset;
  }

  add(message: Uint8Array): void {
    this.#messages.push(message);
    this.waiting += cost(message);
  }

  next(): Uint8Array<ArrayBuffer> | undefined {
    const message = this.#messages[0];
    if (message === undefined) return undefined;
    const piece = message.subarray(this.#offset, this.#offset + PIECE_BYTES);
    this.#offset += piece.byteLength;
    const isLast = this.#offset === message.byteLength;
    if (isLast) this.#shift();
    const frame = new Uint8Array(1 + piece.byteLength);
    frame[0] = isLast ? LAST : MORE;
    frame.set(piece, 1);
    return frame;
  }

  #shift(): void {
    this.waiting -= cost(this.#messages.shift()!);
    this.#offset = 0;
  }
}

/** Frames that come in, to be put together. */
class Inbox {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** The message of which this frame was the last. */
  add(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
    const [mark] = frame;
    if (mark !== MORE && mark !== LAST) throw misunderstood("a frame that begins with 0 or 1", String(mark));
    // Or else pieces of nothing could fill the memory.
    if (mark === MORE && frame.byteLength !== 1 + PIECE_BYTES) {
      throw misunderstood(`${PIECE_BYTES} bytes in a piece that is not the last`, String(frame.byteLength - 1));
    }
    this.#bytes += frame.byteLength - 1;
    if (this.#bytes > MOST_BYTES) throw misunderstood(`at most ${MOST_BYTES} bytes a message`, "more");
    this.#pieces.push(frame.subarray(1));
    return mark === LAST ? this.#join() : undefined;
  }

  #join(): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const piece of this.#pieces) {
      message.set(piece, offset);
      offset += piece.byteLength;
    }
    this.#pieces = [];
    this.#bytes = 0;
    return message;
  }
}

function cost({ byteLength }: { readonly byteLength: number }): number {
  return byteLength + FRAME_BYTES;
}

/** What is thrown when a peer says something that cannot be. */
export function misunderstood(want: string, got: string): TypeError {
  return new TypeError(`Cannot understand a peer: want ${want}, got ${got}`);
}
