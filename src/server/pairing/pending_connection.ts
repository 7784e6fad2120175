/**
 * A connection socket whose other side has not come yet: held with its frames, bounded and expiring.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { Buffers, Share } from "../core/memory_budget.ts";
import type { Claim } from "../core/connection_key.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { addFrame, type Counters } from "../metrics/counters.ts";
import { DepartedSocket } from "./departed_socket.ts";
import { LIMITS } from "../core/limits.ts";
import {
  byteLength,
  type Ending,
  type Frame,
  messageCount,
  type PeerSocket,
  type SocketListener,
  Splice,
} from "../transport/transport.ts";

/** What a seeker needs besides its socket. */
export interface SeekerOptions {
  readonly buffers: Buffers;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Seconds to wait for the other side; 0: for ever. */
  readonly holdTimeout: number;
  /** Tells the counterpart that it is waited for. */
  readonly remind: (seeker: Claim) => void;
  readonly backplane: {
    /** Milliseconds in which its other side may come from elsewhere although it has gone itself. */
    lingerMs(seeker: Claim): number;
  };
}

/** A held connection socket. */
export class Seeker implements SocketListener {
  readonly #options: SeekerOptions;
  readonly #left: (isJoined: boolean) => void;
  readonly #frames: Frame[] = [];
  readonly #share: Share;
  readonly #expiry: Timer | undefined;
  #reminder: Timer;
  #socket: PeerSocket;
  #bytes = 0;
  #messages = 0;
  /** How its socket ended, while it is still waited for. */
  #departure: Ending | undefined;
  #lingering: Timer | undefined;
  #isOver = false;

  /** @param left The wait is over: the other side has come, or this one has gone. Called exactly once. */
  constructor(
    readonly claim: Claim,
    socket: PeerSocket,
    options: SeekerOptions,
    left: (isJoined: boolean) => void,
  ) {
    this.#options = options;
    this.#left = left;
    this.#socket = socket;
    const { buffers, clock, holdTimeout } = options;
    this.#share = buffers.open({ measure: () => this.#bytes, evict: () => this.close(CLOSE.outOfBuffers) });
    options.counters.seekersHeld += 1;
    if (holdTimeout > 0) this.#expiry = clock.after(holdTimeout * 1000, () => this.#expire());
    this.#reminder = clock.after(LIMITS.remindFirstMs, () => this.#remind());
    socket.listen(this);
  }

  message(frame: Frame): void {
    const size = byteLength(frame);
    addFrame(this.#options.counters.received, frame, size);
    const bytes = this.#bytes + size;
    this.#messages += messageCount(frame);
    const isFull = this.#messages > LIMITS.heldMessages || this.#frames.length >= LIMITS.heldPieces;
    if (isFull || bytes > LIMITS.heldBytes) return this.close(CLOSE.holdFull);
    this.#frames.push(detached(frame));
    this.#bytes = bytes;
    // At last: it may evict this very seeker.
    this.#share.set(bytes);
  }

  get socket(): PeerSocket {
    return this.#socket;
  }

  ending(ending: Ending): void {
    if (this.#isOver || this.#departure !== undefined) return;
    const ms = this.#options.backplane.lingerMs(this.claim);
    if (ms > 0) this.#linger(ending, ms);
    else this.#end();
  }

  closed(ending: Ending): void {
    this.ending(ending);
    if (this.#departure === undefined) this.#options.counters.closed(ending);
  }

  /** Ends the wait, and the socket with it. */
  close(close: Close): void {
    this.#end();
    this.#socket.close(close);
  }

  /** Ends the wait: the socket and what it sent are the caller's now. */
  handOver(): Frame[] {
    this.#leave(true);
    return this.#frames.splice(0);
  }

  /** What a socket said and how it ended is kept for a side that may have come at the same time elsewhere. */
  #linger(ending: Ending, ms: number): void {
    const { clock } = this.#options;
    this.#departure = ending;
    this.#socket = new DepartedSocket(ending, clock, () => this.#end());
    this.#lingering = clock.after(ms, () => this.#end());
  }

  #end(): void {
    this.#leave(false);
    // The socket may stay for a while, and with it this listener.
    this.#frames.length = 0;
  }

  #expire(): void {
    this.#options.counters.seekersExpired += 1;
    this.close(CLOSE.noReciprocal);
  }

  #leave(isJoined: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Who is joined is counted where its new listener hears of its end.
    if (this.#departure !== undefined && !isJoined) this.#options.counters.closed(this.#departure);
    for (const timer of [this.#expiry, this.#reminder, this.#lingering]) timer?.cancel();
    this.#share.close();
    this.#left(isJoined);
  }

  #remind(): void {
    this.#reminder = this.#options.clock.after(LIMITS.remindEveryMs, () => this.#remind());
    this.#options.remind(this.claim);
  }
}

/** A frame that keeps nothing else in memory: a view would keep the whole chunk that was read. */
function detached(frame: Frame): Frame {
  if (frame instanceof Splice) return copied(frame);
  return frame instanceof Uint8Array && frame.byteLength < frame.buffer.byteLength ? frame.slice() : frame;
}

function copied(splice: Splice): Splice {
  const copy = new Splice(splice.bytes.slice(), splice.contents, splice.tail);
  splice.release();
  return copy;
}
