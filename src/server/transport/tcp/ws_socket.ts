/**
 * An introduction socket on the `ws` transport: messages of the `ws` package, which can terminate.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
// @ts-types="@types/ws"
import type { WebSocket } from "ws";
import { CLOSE, type Close } from "../../../protocol.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { encodeMessage } from "../../websocket/encode.ts";
import { guard } from "../../core/guard.ts";
import { LIMITS } from "../../core/limits.ts";
import { Liveness } from "../liveness.ts";
import type { Logger } from "../../core/log.ts";
import type { Message } from "../../core/message.ts";
import {
  type Ending,
  type Frame,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  type Upgrade,
} from "../transport.ts";

/** What a socket needs to know. */
export interface WsSocketOptions {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * One WebSocket of the `ws` package, never half of a pair.
 *
 * What is sent to it in one turn of the event loop goes out in one write: a peer that joins a popular document hears of
 * a thousand others, and when a thousand join at once, each of them does. `ws` would take two buffers and a system call
 * for each.
 */
export class WsSocket implements PeerSocket {
  readonly #socket: WebSocket;
  /** What `ws` writes to. */
  readonly #connection: Duplex;
  readonly #clock: Clock;
  readonly #liveness: Liveness;
  #listener: SocketListener = NOBODY;
  #queuedWrites = 0;
  /** What was sent in this turn. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #isClosing = false;
  /** How the relay ended it, which `ws` does not tell afterwards. */
  #ending: Ending | undefined;
  #termination: Timer | undefined;

  constructor(socket: WebSocket, connection: Duplex, upgrade: Upgrade, { clock, log }: WsSocketOptions) {
    this.#socket = socket;
    this.#connection = connection;
    this.#clock = clock;
    this.#liveness = new Liveness(clock);
    socket.on("message", guard(this, log, (data: Buffer, isBinary: boolean) => this.#received(data, isBinary)));
    socket.on("pong", () => this.#liveness.sign());
    socket.on("error", guard(this, log, (error: Error & { code?: string }) => this.#failed(error)));
    socket.on("close", guard(this, log, this.#gone.bind(this, upgrade.ended)));
    guard(this, log, upgrade.opened)(this);
  }

  get backlog(): number {
    return this.#socket.bufferedAmount + this.#gatheredBytes + this.#queuedWrites * LIMITS.frameOverheadBytes;
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    if (this.#gathered.length === 0) setImmediate(this.#flush);
    // What goes to introduction sockets is whole messages.
    const bytes = encodeMessage(frame as Message);
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.byteLength;
  }

  close(close: Close): void {
    if (this.#isClosing) return;
    this.#flush();
    this.#isClosing = true;
    this.#liveness.closing();
    const { code, reason } = sendable(close);
    this.#socket.close(code, reason);
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

  terminate(): void {
    this.#socket.terminate();
  }

  /** Pings a silent peer and ends a dead one. */
  inspect(idleMs: number): void {
    const state = this.#liveness.judge({ idleMs, backlog: this.backlog });
    if (state === "dead") this.terminate();
    else if (state === "silent") this.#socket.ping();
  }

  readonly #flush = () => {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    // The peer's close may have come in between: behind its answer nothing may follow.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#queuedWrites += 1;
    this.#connection.write(gathered.length === 1 ? gathered[0] : Buffer.concat(gathered), this.#sent);
  };

  readonly #sent = () => {
    this.#queuedWrites -= 1;
    this.#liveness.sign();
  };

  #received(data: Buffer, isBinary: boolean): void {
    this.#liveness.sign();
    if (!this.#isClosing) this.#listener.message(isBinary ? data as Uint8Array<ArrayBuffer> : data.toString());
  }

  /** `ws` has closed with the right code. A peer that broke the protocol is not waited for. */
  #failed({ code }: { code?: string }): void {
    this.#ending = { code: code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? CLOSE.tooBig.code : undefined, reason: "" };
    this.#isClosing = true;
    this.#listener.ending(this.#ending);
    this.#termination ??= this.#clock.after(LIMITS.closeMs, () => this.terminate());
  }

  #gone(ended: () => void, code: number, reason: Buffer): void {
    ended();
    this.#termination?.cancel();
    this.#listener.closed(this.#ending ?? { code: code === 1006 ? undefined : code, reason: reason.toString() });
  }
}
