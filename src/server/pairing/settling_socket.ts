/**
 * Delays what is sent to a socket that has just opened: its application may not listen yet.
 *
 * @module
 */

import type { Close } from "../../protocol.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import {
  byteLength,
  type Chunk,
  detached,
  type PeerSocket,
  type SocketListener,
  Splice,
} from "../transport/transport.ts";

/** Sends nothing before {@link LIMITS.settleMs} have passed since it was made. */
export class SettlingSocket implements PeerSocket {
  readonly #socket: PeerSocket;
  readonly #clock: Clock;
  readonly #settledAt: number;
  /** What was sent too early; undefined when the socket has settled. */
  #early: Chunk[] | undefined = [];
  #earlyBytes = 0;
  #timer: Timer | undefined;
  /** How it is closed once it has settled. */
  #closing: [close: Close, isCut?: boolean] | undefined;
  readonly paired?: (partner: PeerSocket) => void;
  readonly pause?: () => void;
  readonly resume?: () => void;
  readonly terminate?: () => void;

  /** @param socket It has opened just now. */
  constructor(socket: PeerSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.#settledAt = clock.now() + LIMITS.settleMs;
    this.paired = socket.paired?.bind(socket);
    this.pause = socket.pause?.bind(socket);
    this.resume = socket.resume?.bind(socket);
    this.terminate = socket.terminate?.bind(socket);
  }

  get unfinished(): number | undefined {
    return this.#socket.unfinished;
  }

  get backlog(): number {
    return this.#socket.backlog + this.#earlyBytes;
  }

  send(chunk: Chunk): void {
    if (this.#closing !== undefined) return this.#sendRest(chunk);
    const wait = this.#early === undefined ? 0 : this.#settledAt - this.#clock.now();
    if (wait > 0) return this.#keep(chunk, wait);
    this.#settle();
    this.#socket.send(chunk);
  }

  /** Closes behind what was sent: at once if none of that waits. */
  close(close: Close, isCut?: boolean): void {
    if (this.#earlyBytes > 0) this.#closing ??= [close, isCut];
    else {
      this.#early = undefined;
      this.#socket.close(close, isCut);
    }
  }

  listen(listener: SocketListener): void {
    this.#socket.listen(listener);
  }

  #keep(chunk: Chunk, wait: number): void {
    this.#timer ??= this.#clock.after(wait, () => this.#settle());
    this.#early?.push(chunk instanceof Splice ? chunk : detached(chunk));
    this.#earlyBytes += byteLength(chunk) + LIMITS.frameOverheadBytes;
  }

  /** Behind a close only the end of a frame may come. The socket knows what that is. */
  #sendRest(chunk: Chunk): void {
    if (!(chunk instanceof Splice)) return;
    this.#settle();
    this.#socket.send(chunk);
  }

  #settle(): void {
    if (this.#early === undefined) return;
    const [early, closing] = [this.#early, this.#closing];
    this.#early = this.#closing = undefined;
    this.#earlyBytes = 0;
    this.#timer?.cancel();
    for (const chunk of early) this.#socket.send(chunk);
    if (closing !== undefined) this.#socket.close(...closing);
  }
}
