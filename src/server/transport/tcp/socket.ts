/**
 * A connection socket that is only bytes: what its peer sends crosses as it comes, many frames in one write.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { CLOSE, type Close } from "../../../protocol.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { FrameWalker } from "../../websocket/frame_walker.ts";
import { encodeClose, encodeMessage, encodePing } from "../../websocket/encode.ts";
import { guard } from "../../core/guard.ts";
import { LIMITS } from "../../core/limits.ts";
import { Liveness } from "../liveness.ts";
import type { Logger } from "../../core/log.ts";
import { ChunkMemory } from "./buffer_pool.ts";
import {
  type Ending,
  type Frame,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  Splice,
  type Upgrade,
} from "../transport.ts";
import type { Wire, WireListener } from "./wire.ts";

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
export class WireSocket implements PeerSocket, WireListener {
  readonly received: WireListener["received"];
  readonly gone: WireListener["gone"];
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #walker: FrameWalker;
  readonly #liveness: Liveness;
  #listener: SocketListener = NOBODY;
  /** What was written ends within a frame: nothing of ours may follow. */
  #isMidFrame = false;
  #isPaused = false;
  #isClosing = false;
  /** What the network takes next is our own ping, which is no sign of life. */
  #isPinging = false;
  #ending = VANISHED;
  #termination: Timer | undefined;

  /** @param head What came with the request. */
  constructor(wire: Wire, head: Uint8Array, upgrade: Upgrade, options: WireSocketOptions) {
    const { clock, log, maxMessageBytes } = options;
    this.#wire = wire;
    this.#clock = clock;
    this.#liveness = new Liveness(clock);
    this.#walker = new FrameWalker({ maxMessageBytes, ownPing: OWN_PING });
    this.#walker.answersPings = true;
    this.received = guard(this, log, this.#received.bind(this));
    // Not the whole upgrade, which knows the request: a relay keeps this for as long as its peers are idle.
    this.gone = guard(this, log, this.#gone.bind(this, upgrade.ended));
    wire.listen(this);
    guard(this, log, upgrade.opened)(this);
    if (head.byteLength > 0) this.received(ChunkMemory.copyOf(head), head.byteLength);
    if (!this.#isPaused) wire.resume();
  }

  get backlog(): number {
    return this.#wire.backlog;
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    if (frame instanceof Splice) return this.#splice(frame);
    this.#isMidFrame = false;
    this.#wire.write(encodeMessage(frame));
  }

  close(close: Close): void {
    if (this.#isClosing) return;
    this.#beginClosing();
    // A close in the middle of a frame would be payload.
    if (this.#isMidFrame) this.terminate();
    else this.#wire.write(encodeClose(sendable(close)));
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
    this.#wire.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#liveness.sign();
    this.#wire.resume();
  }

  terminate(): void {
    this.#wire.destroy();
  }

  /** Pings a silent peer and ends a dead one. A paused one cannot be heard. */
  inspect(idleMs: number): void {
    if (this.#isPaused) return;
    const { backlog } = this;
    const state = this.#liveness.judge({ idleMs, backlog });
    if (state === "dead") this.terminate();
    else if (state === "silent" && !this.#isMidFrame) {
      this.#isPinging = backlog === 0;
      this.#wire.write(encodePing(OWN_PING));
    }
  }

  /** The peer takes what was sent. */
  taken(): void {
    if (this.#isPinging) this.#isPinging = false;
    else this.#liveness.sign();
    this.#listener.drained?.();
  }

  /** A peer that hangs up without a close, or behind it. */
  ended(): void {
    this.terminate();
  }

  #received(memory: ChunkMemory, length: number): void {
    this.#liveness.sign();
    const walker = this.#walker;
    // What follows the end of a stream is nothing.
    if (walker.hasEnded) return memory.giveBack();
    const output = walker.walk(memory, length);
    if (walker.pong !== undefined && !this.#isClosing) this.#wire.write(walker.pong);
    this.#passOn(output, memory);
    if (walker.violation !== undefined) this.#end(walker.violation, endingOf(walker.violation));
    else if (walker.closed !== undefined) this.#end(walker.closed, walker.closed);
  }

  #passOn(output: Uint8Array<ArrayBuffer>, memory: ChunkMemory): void {
    const isPassedOn = output.byteLength > 0 && !this.#isClosing;
    const isInMemory = isPassedOn && output.buffer === memory.bytes.buffer;
    if (!isInMemory) memory.giveBack();
    if (!isPassedOn) return;
    const { contents, atFrameBoundary } = this.#walker;
    this.#listener.message(new Splice(output, contents, atFrameBoundary, isInMemory ? memory : undefined));
  }

  /** Answers what ended the peer's stream, and hangs up behind everything that was sent. */
  #end(answer: Close, ending: Ending): void {
    if (!this.#isClosing && !this.#isMidFrame) this.#wire.write(encodeClose(answer));
    this.#ending = ending;
    this.#beginClosing();
    this.#listener.ending(ending);
    this.#wire.end(() => this.#termination ??= this.#clock.after(LIMITS.closeMs, () => this.terminate()));
  }

  #beginClosing(): void {
    this.#isClosing = true;
    this.#liveness.closing();
    this.resume();
  }

  #splice({ bytes, endsFrame, loan }: Splice): void {
    this.#isMidFrame = !endsFrame;
    this.#wire.write(bytes, loan);
  }

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
