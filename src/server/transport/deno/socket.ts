/**
 * A socket of `Deno.upgradeWebSocket`, with the guards that it needs.
 *
 * - An exception in an event handler would end the process: every handler passes `guard`.
 * - The socket opens after its response is returned, and `send` before that throws: it is handed over after `open`.
 * - `close` can fire twice, and after an `error` its code says nothing.
 * - A frame that arrives after the relay's close resets the connection: {@link DenoSocket.#closeWhenQuiet}.
 * - After `close()` the runtime reports no backlog, and it cannot terminate a peer that does not answer: the last
 *   backlog counts until the peer hangs up.
 * - After a socket that vanished, or was closed here, its idle timer still holds it for half of the idle time: what is
 *   gone lets go of its handlers, and so of its pair, with its partner.
 *
 * @module
 */

import { CLOSE, type Close } from "../../../protocol.ts";
import { type Clock, hasStoodStill, type Timer } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { assemble, type Message, Part } from "../../core/message.ts";
import {
  byteLength,
  type Chunk,
  mostFrameBytes,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  type Upgrade,
} from "../transport.ts";
import type { TurnCounter } from "./turn_counter.ts";

/** What a socket needs to know. */
export interface DenoSocketOptions {
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly turns: TurnCounter;
}

/** One WebSocket of the Deno runtime. */
export class DenoSocket implements PeerSocket {
  readonly #socket: WebSocket;
  readonly #upgrade: Upgrade;
  readonly #options: DenoSocketOptions;
  readonly #mostBytes: number;
  readonly #message: (event: MessageEvent<Chunk>) => void;
  #listener: SocketListener = NOBODY;
  /** Bytes in the runtime's queue, and the turn in which it was asked: to ask takes as long as to send a small frame. */
  #queuedBytes = 0;
  #askedIn: number | undefined;
  /** Frames sent since the runtime's queue was last seen empty. */
  #queuedFrames = 0;
  /** The parts of a message that has not ended: the runtime sends only whole messages. */
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #partBytes = 0;
  /** The backlog at `close()`: afterwards the runtime reports none. */
  #lastBacklog: number | undefined;
  /** When the latest frame came, in milliseconds of the clock. */
  #receivedAt = -Infinity;
  /** Before the socket opens: until it should have. Later: until it may be closed. */
  #timer: Timer;
  #hasFailed = false;
  #isGone = false;

  /** Does nothing that can throw: it runs between the upgrade and the return of its response. */
  constructor(socket: WebSocket, upgrade: Upgrade, options: DenoSocketOptions) {
    this.#socket = socket;
    this.#upgrade = upgrade;
    this.#options = options;
    this.#mostBytes = mostFrameBytes(upgrade, options.maxMessageBytes);
    this.#timer = this.#awaitOpen();
    socket.binaryType = "arraybuffer";
    const { log } = options;
    socket.onopen = guard(this, log, () => {
      this.#timer.cancel();
      this.#opened();
    });
    this.#message = guard(this, log, ({ data }: MessageEvent<Chunk>) => this.#received(data));
    // As `onmessage` it would be wrapped: small frames cost a twentieth more.
    socket.addEventListener("message", this.#message);
    socket.onerror = () => this.#hasFailed = true;
    socket.onclose = guard(this, log, (event: CloseEvent) => {
      this.#timer.cancel();
      this.#gone(event);
      this.#letGo();
    });
  }

  get backlog(): number {
    if (this.#lastBacklog !== undefined) return this.#lastBacklog;
    const { current } = this.#options.turns;
    if (this.#askedIn !== current) this.#queuedBytes = this.#socket.bufferedAmount;
    this.#askedIn = current;
    if (this.#queuedBytes === 0) this.#queuedFrames = 0;
    return this.#queuedBytes + this.#queuedFrames * LIMITS.frameOverheadBytes;
  }

  get unfinished(): number {
    return this.#partBytes + this.#parts.length * LIMITS.recordOverheadBytes;
  }

  send(chunk: Chunk): void {
    if (this.#isClosing()) return;
    if (chunk instanceof Part) return this.#assemble(chunk);
    this.#queuedFrames += 1;
    // This transport has no splices.
    this.#socket.send(chunk as Message);
    // To measure text would take longer than to ask again.
    if (typeof chunk === "string") this.#askedIn = undefined;
    else this.#queuedBytes += chunk.byteLength;
  }

  close(close: Close): void {
    if (this.#isClosing()) return;
    this.#lastBacklog = this.backlog;
    this.#dropParts();
    this.#closeWhenQuiet(sendable(close), this.#options.clock.now() + LIMITS.lingerMs);
  }

  /** Closes from here, and tells the listener at once, since the peer may never answer. */
  fail(close: Close): void {
    if (this.#isClosing()) return;
    this.close(close);
    this.#listener.ending(close);
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  #assemble(part: Part): void {
    if (part.begins && part.ends) return this.send(assemble([part.bytes], part.isText));
    this.#parts.push(part.detached().bytes);
    this.#partBytes += part.byteLength;
    if (!part.ends) return;
    const parts = this.#parts;
    this.#dropParts();
    this.send(assemble(parts, part.isText));
  }

  #dropParts(): void {
    this.#parts = [];
    this.#partBytes = 0;
  }

  #isClosing(): boolean {
    return this.#isGone || this.#lastBacklog !== undefined;
  }

  /**
   * The runtime resets a connection when a frame arrives after the relay's close, and the reset overtakes the close. So
   * the close waits until the peer is silent, for a while, and the relay drops what comes.
   */
  #closeWhenQuiet(close: Close, deadline: number): void {
    const now = this.#options.clock.now();
    if (now - this.#receivedAt >= LIMITS.quietMs || now >= deadline) this.#socket.close(close.code, close.reason);
    else this.#timer = this.#options.clock.after(LIMITS.quietMs, () => this.#closeWhenQuiet(close, deadline));
  }

  /** Who opened while the process stood still is heard after its timers. */
  #awaitOpen(): Timer {
    const { clock } = this.#options;
    const due = clock.now() + LIMITS.openMs;
    return clock.after(LIMITS.openMs, () => {
      if (hasStoodStill(clock.now() - due)) this.#timer = this.#awaitOpen();
      else this.#neverOpened();
    });
  }

  #opened(): void {
    // Its lease was released when it did not open in time.
    if (this.#isGone) this.#socket.close();
    else this.#upgrade.opened(this);
  }

  #received(chunk: Chunk): void {
    this.#receivedAt = this.#options.turns.startedAt;
    if (this.#isClosing()) return;
    if (isLonger(chunk, this.#mostBytes)) this.fail(CLOSE.tooBig);
    else this.#listener.message(chunk);
  }

  /** A reset during the handshake leaves no event, only a descriptor: the watchdog counts those. */
  #neverOpened(): void {
    this.#options.log.warning("an upgraded socket did not open within {ms} ms", { ms: LIMITS.openMs });
    this.#gone({ code: 0, reason: "" });
  }

  #letGo(): void {
    const socket = this.#socket;
    socket.removeEventListener("message", this.#message);
    socket.onopen = socket.onerror = socket.onclose = null;
  }

  #gone({ code, reason }: { code: number; reason: string }): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#upgrade.ended();
    const isClean = code !== 0 && code !== 1006 && !this.#hasFailed;
    this.#listener.closed({ code: isClean ? code : undefined, reason });
  }
}

function isLonger(chunk: Chunk, limit: number): boolean {
  // A UTF-16 unit takes at most 3 bytes of UTF-8, so most texts need not be measured.
  if (typeof chunk === "string" && chunk.length * 3 <= limit) return false;
  return byteLength(chunk) > limit;
}
