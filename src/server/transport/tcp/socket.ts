/**
 * One WebSocket after its handshake. What the peer of a connection socket sends crosses as bytes, many frames in one
 * write; what that of an introduction socket sends is put together to messages.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { CLOSE, type Close, WIRE_LIMITS } from "../../../protocol.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { failed, guard } from "../../core/guard.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { Part } from "../../core/message.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import { encodeClose, encodePing } from "../../websocket/encode.ts";
import { FrameWalker } from "../../websocket/frame_walker.ts";
import { MessageReader } from "../../websocket/message_reader.ts";
import { closePatience, Liveness } from "../liveness.ts";
import {
  type Chunk,
  type Ending,
  mostFrameBytes,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  Splice,
  type Upgrade,
} from "../transport.ts";
import { ChunkBuffer } from "./buffer_pool.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionListener } from "./connection_listener.ts";

/** What a socket needs to know. */
export interface SocketOptions {
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** It is gone. */
  readonly left: (socket: Socket) => void;
}

/** Payload of the relay's own pings, whose pongs do not cross. 4k+2 bytes: what follows such a pong stays aligned. */
const OWN_PING = Buffer.from("🐟re");

const VANISHED: Ending = { code: undefined, reason: "" };

/** One WebSocket. */
export class Socket implements PeerSocket, ConnectionListener {
  readonly #connection: Connection;
  readonly #options: SocketOptions;
  readonly #walker: FrameWalker;
  readonly #liveness: Liveness;
  readonly #ended: Upgrade["ended"];
  /** For an introduction socket. */
  readonly #reader: MessageReader | undefined;
  #listener: SocketListener = NOBODY;
  /** Frames without content, whose number is bounded. Made for the first: hardly any peer sends one. */
  #controlFrames: TokenBucket | undefined;
  /** What was written ends within a frame: nothing of ours may follow. */
  #isMidFrame = false;
  #isPaused = false;
  /** {@link Socket.giveFrames} */
  #givesFrames = false;
  #isClosing = false;
  /** While it closes: the rest of a frame still has to cross to the other side. */
  #owesRest = false;
  /** Our close, until the frame under way to the peer has ended. */
  #close: Close | undefined;
  #patience: Timer | undefined;
  /** What the network takes next is our own ping, which is no sign of life. */
  #isPinging = false;
  #ending = VANISHED;
  #isHungUp = false;
  #termination: Timer | undefined;

  /** @param rest What came with the request. */
  constructor(connection: Connection, rest: Uint8Array, upgrade: Upgrade, options: SocketOptions) {
    const { clock, log, maxMessageBytes } = options;
    this.#connection = connection;
    this.#options = options;
    this.#liveness = new Liveness(clock);
    this.#reader = upgrade.crosses ? undefined : new MessageReader(WIRE_LIMITS.introductionBytes);
    this.#walker = new FrameWalker({ maxMessageBytes: mostFrameBytes(upgrade, maxMessageBytes), ownPing: OWN_PING });
    this.#walker.answersPings = true;
    // Not the whole upgrade, which knows the request: a relay keeps this for as long as its peers are idle.
    this.#ended = upgrade.ended;
    connection.listen(this);
    guard(this, log, upgrade.opened)(this);
    if (rest.byteLength > 0) this.received(ChunkBuffer.copyOf(rest), rest.byteLength);
    if (!this.#isPaused) connection.resume();
  }

  get backlog(): number {
    return this.#connection.backlog;
  }

  send(chunk: Chunk): void {
    if (chunk instanceof Splice) return this.#splice(chunk);
    if (!this.#isClosing) this.#connection.writeSoon(chunk instanceof Part ? chunk : Part.of(chunk));
  }

  flush(): void {
    this.#connection.flush();
  }

  close(close: Close, isCut = false): void {
    if (!this.#isClosing) this.#beginClosing(sendable(close), isCut);
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

  giveFrames(): void {
    this.#givesFrames = true;
  }

  paired(): void {
    this.#walker.answersPings = false;
  }

  pause(): void {
    if (this.#isClosing) return;
    this.#isPaused = true;
    this.#connection.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#liveness.heard();
    this.#connection.resume();
  }

  terminate(): void {
    this.#connection.destroy();
  }

  /** Pings a silent peer and ends a dead one. A paused one cannot be heard, but it can take what was sent. */
  inspect(idleMs: number): void {
    const { backlog } = this;
    const idle = this.#isPaused ? Infinity : idleMs;
    const state = this.#liveness.judge({ idleMs: idle, backlog, taken: this.#taken });
    if (state === "dead") this.terminate();
    else if (state === "silent" && !this.#isMidFrame) {
      this.#isPinging = backlog === 0;
      this.#connection.write(encodePing(OWN_PING));
    }
  }

  /** The peer takes what was sent. */
  taken(): void {
    if (this.#isPinging) this.#isPinging = false;
    else this.#liveness.took();
    this.#listener.drained?.();
  }

  /** A peer that hangs up without a close, or behind it. */
  ended(): void {
    this.terminate();
  }

  received(buffer: ChunkBuffer, length: number): void {
    try {
      this.#received(buffer, length);
    } catch (error) {
      failed(this, this.#options.log, error);
    }
  }

  gone(): void {
    try {
      this.#gone();
    } catch (error) {
      failed(this, this.#options.log, error);
    }
  }

  #received(buffer: ChunkBuffer, length: number): void {
    this.#liveness.heard();
    const walker = this.#walker;
    // What follows the end of a stream is nothing.
    if (walker.hasEnded) return buffer.release();
    const output = walker.walk(buffer, length);
    if (!this.#mayControl()) {
      buffer.release();
      // What follows is not read any more: it would cost as much as before.
      walker.violation = CLOSE.flooding;
      return this.#end(CLOSE.flooding, VANISHED);
    }
    if (walker.pong !== undefined && !this.#isClosing) this.#connection.write(walker.pong);
    this.#passOn(output, buffer);
    if (walker.violation !== undefined) this.#end(walker.violation, endingOf(walker.violation));
    else if (walker.closed !== undefined) this.#end(walker.closed, walker.closed);
  }

  /** Pings and pongs cost the relay, and fragments without payload in an introduction, more than they weigh. */
  #mayControl(): boolean {
    const { controlFrames, contents } = this.#walker;
    const frames = this.#reader === undefined ? controlFrames : controlFrames + contents.emptyFrames;
    if (frames === 0) return true;
    this.#controlFrames ??= new TokenBucket(this.#options.clock, CONTROL_FRAMES);
    return this.#controlFrames.take(frames);
  }

  #passOn(output: Uint8Array<ArrayBuffer>, buffer: ChunkBuffer): void {
    const isPassedOn = output.byteLength > 0 && (!this.#isClosing || this.#owesRest);
    const crosses = isPassedOn && (this.#reader === undefined || this.#isFrame(this.#reader, output));
    const isInBuffer = crosses && output.buffer === buffer.bytes.buffer;
    if (isPassedOn && !crosses) this.#readMessages(this.#reader!, output);
    if (!isInBuffer) buffer.release();
    if (!crosses) return;
    const { contents, tail } = this.#walker;
    if (tail < output.byteLength) this.#owesRest = false;
    this.#listener.message(new Splice(output, contents, tail, isInBuffer ? buffer : undefined));
  }

  /** Whether what an introduction socket says is heard as a frame. */
  #isFrame(reader: MessageReader, output: Uint8Array<ArrayBuffer>): boolean {
    return this.#givesFrames && !this.#isClosing && reader.isOneFrame(output);
  }

  #readMessages(reader: MessageReader, output: Uint8Array<ArrayBuffer>): void {
    const before = reader.keptBytes;
    const messages = reader.read(output);
    if (reader.keptBytes !== before) this.#connection.retain(reader.keptBytes - before);
    for (const message of messages) {
      if (!this.#isClosing) this.#listener.message(message);
    }
  }

  #splice(splice: Splice): void {
    const { bytes, tail, buffer } = splice;
    if (!this.#isClosing) {
      this.#isMidFrame = tail > 0;
      this.#connection.write(bytes, buffer);
    } else if (this.#close !== undefined) {
      this.#finishFrame(splice);
    } else {
      splice.release();
    }
  }

  /** The frame under way ends with its message whole, and our close follows. */
  #finishFrame({ bytes, tail, buffer }: Splice): void {
    const isEnd = tail < bytes.byteLength;
    this.#connection.write(isEnd ? bytes.subarray(0, bytes.byteLength - tail) : bytes, buffer);
    if (!isEnd) return;
    this.#isMidFrame = false;
    this.#sendClose();
  }

  /** The peer's stream has ended: answers, and hangs up behind everything that was sent. */
  #end(answer: Close, ending: Ending): void {
    this.#ending = ending;
    if (!this.#isClosing) this.#beginClosing(answer, false);
    this.#listener.ending(ending);
    if (this.#close === undefined) this.#hangUp();
  }

  /** @param isCut The frame under way to the peer will not end: there is no place for a close. */
  #beginClosing(close: Close, isCut: boolean): void {
    this.#isClosing = true;
    this.#owesRest = !this.#walker.atFrameBoundary && this.#walker.violation === undefined;
    this.#liveness.closing();
    // To hear the peer's answer.
    this.resume();
    this.#close = close;
    if (!this.#isMidFrame) this.#sendClose();
    else if (isCut) this.#hangUp();
    else this.#patience = this.#options.clock.after(LIMITS.lingerMs, () => this.#hangUp());
  }

  #sendClose(): void {
    this.#connection.write(encodeClose(this.#close!));
    this.#close = undefined;
    this.#patience?.cancel();
    if (this.#walker.hasEnded) this.#hangUp();
  }

  /** Hangs up behind everything that was sent. */
  #hangUp(): void {
    if (this.#isHungUp) return;
    this.#isHungUp = true;
    this.#close = undefined;
    const { clock } = this.#options;
    this.#connection.end(() => this.#termination ??= clock.after(this.#patienceMs, () => this.terminate()));
  }

  /** Who has said that it is done takes nothing any more. Who has not may still read, and would lose what is under way. */
  get #patienceMs(): number {
    return this.#walker.hasEnded ? LIMITS.closeMs : closePatience(this.#taken);
  }

  /** Bytes that a partner sent, and that this peer may not have read. An introduction socket is closed for what it did. */
  get #taken(): number {
    return this.#reader === undefined ? this.#connection.taken : 0;
  }

  #gone(): void {
    this.#options.left(this);
    this.#ended();
    this.#patience?.cancel();
    this.#termination?.cancel();
    this.#listener.closed(this.#ending);
  }
}

const CONTROL_FRAMES = { perSecond: LIMITS.emptyFramesPerSecond, burst: LIMITS.emptyFrameBurst };

/** The partner hears of a message that is too big; of any other violation only that this peer was lost. */
function endingOf(violation: Close): Ending {
  return violation === CLOSE.tooBig ? CLOSE.tooBig : VANISHED;
}
