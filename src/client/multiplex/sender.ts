/**
 * What goes out on the one socket to the relay: all that is said in one turn together, and no more than the socket takes.
 *
 * @module
 */

import { packMessages, WIRE_LIMITS } from "../../protocol.ts";
import { FrameWriter } from "./frame_writer.ts";
import type { PeerStream } from "./peer_stream.ts";
import type { Time } from "./time.ts";

/** Bytes that may wait in the socket before more is written: then a small message waits for little. */
const SOCKET_BACKLOG_BYTES = 256 * 1024;
/** Bytes of a frame that messages share: no more values fit it than the relay takes, since each has a byte or more. */
const SHARED_FRAME_BYTES = WIRE_LIMITS.introductionValues;
/** Milliseconds between two looks at a socket that is full: twice as long each time. */
const LOOK_AGAIN_MS = { least: 1, most: 50 };

/** What carries a session: a WebSocket that is open. */
export interface SessionSocket {
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
}

/** What a sender needs. */
export interface SenderOptions {
  readonly socket: SessionSocket;
  readonly time: Time;
}

/** Who knows the streams, and hears what happens. */
export interface SenderListener {
  /** Gives a stream its number, or 0 while there is no room for it. */
  number(stream: PeerStream): number;
  /** A frame went out. */
  sent(): void;
  /** It had something of streams. */
  wrote(): void;
  /** All that could go out has. */
  flushed(): void;
  /** The socket has to be given up. */
  broken(error: Error): void;
}

/** Messages first, then the streams, in turns. */
export class Sender {
  readonly #socket: SessionSocket;
  readonly #time: Time;
  readonly #listener: SenderListener;
  readonly #writer = new FrameWriter();
  /** Messages to say at the end of the turn, as JSON. */
  #messages: string[] = [];
  #isFlushDue = false;
  #isFlushing = false;
  #lookMs = 0;
  #cancelLook: (() => void) | undefined;
  #isStopped = false;

  constructor({ socket, time }: SenderOptions, listener: SenderListener) {
    this.#socket = socket;
    this.#time = time;
    this.#listener = listener;
  }

  /** It is in the midst of it. */
  get isFlushing(): boolean {
    return this.#isFlushing;
  }

  /** Says messages, each as JSON. */
  say(messages: Iterable<string>): void {
    this.#messages.push(...messages);
    this.plan();
  }

  /** The stream is to be begun. */
  hasStream(stream: PeerStream): void {
    this.#writer.hasStream(stream);
    this.plan();
  }

  /** The stream has something to say that needs no credit. */
  hasWord(stream: PeerStream): void {
    this.#writer.hasWord(stream);
    this.plan();
  }

  hasData(stream: PeerStream): void {
    this.#writer.hasData(stream);
    this.plan();
  }

  /** A hidden page has slow timers: whatever comes makes it look at a full socket, too. */
  heard(): void {
    if (this.#cancelLook !== undefined) this.plan();
  }

  /** What is said in one turn goes out together. */
  plan(): void {
    if (this.#isFlushDue || this.#isStopped) return;
    this.#isFlushDue = true;
    queueMicrotask(() => this.flush());
  }

  /** Sends what can be sent. */
  flush(): void {
    this.#isFlushDue = false;
    // Listeners that are told something meanwhile may ask for it again.
    if (this.#isStopped || this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      this.#writeMessages();
      if (this.#writeStreams()) this.#lookMs = 0;
      else this.#lookAgain();
    } catch (error) {
      this.#listener.broken(error as Error);
    } finally {
      this.#isFlushing = false;
    }
    this.#listener.flushed();
  }

  /** Nothing goes out any more. */
  stop(): void {
    this.#isStopped = true;
    this.#stopLooking();
  }

  #writeMessages(): void {
    const messages = this.#messages;
    if (messages.length === 0) return;
    this.#messages = [];
    // One alone may be as long as a frame.
    const frames = messages.length === 1 ? messages : packMessages(messages, SHARED_FRAME_BYTES);
    for (const frame of frames) this.#send(frame);
  }

  /** False: the socket is full. */
  #writeStreams(): boolean {
    this.#stopLooking();
    for (;;) {
      if (this.#socket.bufferedAmount > SOCKET_BACKLOG_BYTES) return false;
      const frame = this.#writer.next((stream) => this.#listener.number(stream));
      if (frame === undefined || this.#isStopped) return true;
      this.#send(frame);
      this.#listener.wrote();
    }
  }

  #send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame);
    this.#listener.sent();
  }

  #lookAgain(): void {
    this.#lookMs = Math.min(LOOK_AGAIN_MS.most, Math.max(LOOK_AGAIN_MS.least, this.#lookMs * 2));
    this.#cancelLook = this.#time.after(this.#lookMs, () => this.flush());
  }

  #stopLooking(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }
}
