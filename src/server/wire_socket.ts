/**
 * A connection socket that is only bytes: what its peer sends crosses as it comes, many frames in one write.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { CLOSE, type Close } from "../protocol.ts";
import type { Clock, Timer } from "./clock.ts";
import { FrameWalker } from "./frames.ts";
import { encodeClose, encodeMessage, encodePing } from "./frames_encode.ts";
import { guard } from "./guard.ts";
import { LIMITS } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import type { Logger } from "./log.ts";
import {
  type Ending,
  type Frame,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  Splice,
  type Upgrade,
} from "./transport.ts";

/** What a socket needs to know. */
export interface WireSocketOptions {
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Payload of the relay's own pings, whose pongs do not cross. 4k+2 bytes: what follows such a pong stays aligned. */
const OWN_PING = Buffer.from("🐟re");

const VANISHED: Ending = { code: undefined, reason: "" };

/** One WebSocket after its handshake. */
export class WireSocket implements PeerSocket {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #walker: FrameWalker;
  readonly #liveness: Liveness;
  #listener: SocketListener = NOBODY;
  #queuedWrites = 0;
  /** What was written ends within a frame: nothing of ours may follow. */
  #isMidFrame = false;
  #isPaused = false;
  #isClosing = false;
  #ending = VANISHED;
  #termination: Timer | undefined;

  /** @param head What came with the request. */
  constructor(socket: Duplex, head: Uint8Array, upgrade: Upgrade, options: WireSocketOptions) {
    const { clock, log, maxMessageBytes } = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#liveness = new Liveness(clock);
    this.#walker = new FrameWalker({ maxMessageBytes, ownPing: OWN_PING });
    this.#walker.answersPings = true;
    const received = guard(this, log, (chunk: Uint8Array) => this.#received(chunk));
    socket.on("data", received);
    socket.on("end", () => this.terminate());
    // Not the whole upgrade, which knows the request: a relay keeps this for as long as its peers are idle.
    socket.on("close", guard(this, log, this.#gone.bind(this, upgrade.ended)));
    guard(this, log, upgrade.opened)(this);
    if (head.byteLength > 0) received(head);
  }

  get backlog(): number {
    return this.#socket.writableLength + this.#queuedWrites * LIMITS.frameOverheadBytes;
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    this.#isMidFrame = frame instanceof Splice && !frame.endsFrame;
    this.#write(frame instanceof Splice ? frame.bytes : encodeMessage(frame), this.#written);
    if (frame instanceof Splice && this.#socket.writableLength === 0) frame.release();
  }

  close(close: Close): void {
    if (this.#isClosing) return;
    this.#beginClosing();
    // A close in the middle of a frame would be payload.
    if (this.#isMidFrame) this.terminate();
    else this.#write(encodeClose(sendable(close)), this.#controlWritten);
  }

  /** Closes by itself: the room hears of it at once, for the peer may never answer. */
  fail(close: Close): void {
    if (this.#isClosing) return;
    this.close(close);
    this.#listener.ending(close);
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  paired(): void {
    this.#walker.answersPings = false;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#liveness.sign();
    this.#socket.resume();
  }

  terminate(): void {
    this.#socket.destroy();
  }

  /** Pings a silent peer and ends a dead one. A paused one cannot be heard. */
  inspect(idleMs: number): void {
    if (this.#isPaused) return;
    const state = this.#liveness.judge({ idleMs, backlog: this.backlog });
    if (state === "dead") this.terminate();
    else if (state === "silent" && !this.#isMidFrame) this.#write(encodePing(OWN_PING), this.#controlWritten);
  }

  #received(chunk: Uint8Array): void {
    this.#liveness.sign();
    const walker = this.#walker;
    const before = contentsOf(walker);
    const output = walker.walk(alone(chunk)) as Uint8Array<ArrayBuffer>;
    if (walker.pong !== undefined && !this.#isClosing) this.#write(walker.pong, this.#controlWritten);
    if (output.byteLength > 0 && !this.#isClosing) {
      this.#listener.message(new Splice(output, since(before, contentsOf(walker)), walker.atFrameBoundary, true));
    }
    if (walker.violation !== undefined) this.#end(walker.violation, endingOf(walker.violation));
    else if (walker.closed !== undefined) this.#end(walker.closed, walker.closed);
  }

  /** Answers what ended the peer's stream, and hangs up behind everything that was sent. */
  #end(answer: Close, ending: Ending): void {
    if (!this.#isClosing && !this.#isMidFrame) this.#write(encodeClose(answer), this.#controlWritten);
    this.#ending = ending;
    this.#beginClosing();
    this.#listener.ending(ending);
    this.#socket.end(() => this.#termination ??= this.#clock.after(LIMITS.closeMs, () => this.terminate()));
  }

  #beginClosing(): void {
    this.#isClosing = true;
    this.#liveness.closing();
    this.resume();
  }

  #write(bytes: Uint8Array, written: () => void): void {
    this.#queuedWrites += 1;
    this.#socket.write(bytes, written);
  }

  /** What was sent is on its way: the peer takes it. */
  readonly #written = () => {
    this.#queuedWrites -= 1;
    this.#liveness.sign();
    this.#listener.drained?.();
  };

  /** Our own pings are no sign of life. */
  readonly #controlWritten = () => {
    this.#queuedWrites -= 1;
  };

  #gone(ended: () => void): void {
    ended();
    this.#termination?.cancel();
    this.#listener.closed(this.#ending);
  }
}

/** The partner hears of a message that is too big; of any other violation only that this peer was lost. */
function endingOf(violation: Close): Ending {
  return violation === CLOSE.tooBig ? CLOSE.tooBig : VANISHED;
}

/** The bytes in memory that nobody else uses, as each read brings them: so it can be given back. */
function alone(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk);
}

function contentsOf({ messages, emptyFrames, tally: { text, binary, textBytes, binaryBytes } }: FrameWalker) {
  return { messages, emptyFrames, text, binary, textBytes, binaryBytes };
}

type Contents = ReturnType<typeof contentsOf>;

function since(before: Contents, now: Contents): Contents {
  return {
    messages: now.messages - before.messages,
    emptyFrames: now.emptyFrames - before.emptyFrames,
    text: now.text - before.text,
    binary: now.binary - before.binary,
    textBytes: now.textBytes - before.textBytes,
    binaryBytes: now.binaryBytes - before.binaryBytes,
  };
}
