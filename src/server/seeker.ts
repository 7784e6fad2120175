/**
 * A connection socket whose other side has not come yet: held with its frames, bounded and expiring.
 *
 * @module
 */

import { CLOSE, type Close } from "../protocol.ts";
import type { Buffers, Share } from "./buffers.ts";
import type { Clock, Timer } from "./clock.ts";
import { addFrame, type Counters } from "./counters.ts";
import { LIMITS } from "./limits.ts";
import {
  byteLength,
  type Ending,
  type Frame,
  messageCount,
  type PeerSocket,
  type SocketListener,
  Splice,
} from "./transport.ts";

/** Whom a connection socket is from, whom it is for, and what about. */
export interface Claim {
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
}

/** What a seeker needs besides its socket. */
export interface SeekerOptions {
  readonly buffers: Buffers;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Seconds to wait for the other side; 0: for ever. */
  readonly holdTimeout: number;
  /** Tells the counterpart that it is waited for. */
  readonly remind: (seeker: Claim) => void;
}

/** A held connection socket. */
export class Seeker implements SocketListener {
  readonly #options: SeekerOptions;
  readonly #left: (isJoined: boolean) => void;
  readonly #frames: Frame[] = [];
  readonly #share: Share;
  readonly #expiry: Timer | undefined;
  #reminder: Timer;
  #bytes = 0;
  #messages = 0;

  /** @param left The wait is over: the other side has come, or this one has gone. Called exactly once. */
  constructor(
    readonly claim: Claim,
    readonly socket: PeerSocket,
    options: SeekerOptions,
    left: (isJoined: boolean) => void,
  ) {
    this.#options = options;
    this.#left = once(left);
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

  ending(): void {
    this.#leave(false);
    // The socket may stay for a while, and with it this listener.
    this.#frames.length = 0;
  }

  closed(ending: Ending): void {
    this.#options.counters.closed(ending);
    this.ending();
  }

  /** Ends the wait, and the socket with it. */
  close(close: Close): void {
    this.ending();
    this.socket.close(close);
  }

  /** Ends the wait: the socket and what it sent are the caller's now. */
  handOver(): Frame[] {
    this.#leave(true);
    return this.#frames.splice(0);
  }

  #expire(): void {
    this.#options.counters.seekersExpired += 1;
    this.close(CLOSE.noReciprocal);
  }

  #leave(isJoined: boolean): void {
    this.#expiry?.cancel();
    this.#reminder.cancel();
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
  if (frame instanceof Splice) return new Splice(frame.bytes.slice(), frame.contents, frame.endsFrame);
  return frame instanceof Uint8Array && frame.byteLength < frame.buffer.byteLength ? frame.slice() : frame;
}

function once<Args extends unknown[]>(action: (...args: Args) => void): (...args: Args) => void {
  let done = false;
  return (...args) => {
    if (!done) action(...args);
    done = true;
  };
}
