/**
 * Two sockets, joined: frames cross unchanged and in order, and so does the close.
 *
 * @module
 */

import { CLOSE, type Close } from "../protocol.ts";
import type { Buffers, Share } from "./buffers.ts";
import type { Clock } from "./clock.ts";
import { LIMITS } from "./limits.ts";
import { TokenBucket } from "./token_bucket.ts";
import { byteLength, type Ending, type Frame, type PeerSocket, type SocketListener } from "./transport.ts";

/** What a pipe needs besides its two sockets. */
export interface PipeOptions {
  readonly buffers: Buffers;
  readonly clock: Clock;
  /** Bytes that one receiving socket may leave unread. */
  readonly maxBufferedBytes: number;
  /** The pipe carries nothing any more, though its sockets may still be closing. Called exactly once. */
  readonly ended: () => void;
}

/** A pair of sockets, piped. */
export class Pipe {
  readonly #options: PipeOptions;
  readonly #ends: readonly [End, End];
  #isOpen = true;

  constructor(first: PeerSocket, second: PeerSocket, options: PipeOptions) {
    this.#options = options;
    this.#ends = [new End(first, this, options), new End(second, this, options)];
  }

  /** Joins the sockets. `held` is what the first sent while it waited; the second gets it before all else. */
  start(held: readonly Frame[]): void {
    for (const end of this.#ends) end.socket.listen(end);
    for (const frame of held) this.forward(frame, this.#ends[0]);
  }

  /** Closes both sides, each behind what was sent to it: the side of `socket` with `close`, the other with `other`. */
  close(socket: PeerSocket, close: Close, other: Close): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const end of this.#ends) end.socket.close(end.socket === socket ? close : other);
    this.#options.ended();
  }

  /** Carries a frame from one side to the other, or ends the pair at a bound. */
  forward(frame: Frame, from: End): void {
    if (!this.#isOpen) return;
    const to = this.#partnerOf(from);
    const backlog = to.socket.backlog;
    if (backlog > this.#options.maxBufferedBytes && !from.canPause) {
      return this.close(to.socket, CLOSE.slowReader, CLOSE.slowReader);
    }
    const size = byteLength(frame);
    if (size === 0 && !from.emptyFrames.take()) return this.close(from.socket, CLOSE.flooding, CLOSE.peerLost);
    to.socket.send(frame);
    to.share.set(backlog + size);
    if (backlog + size > LIMITS.pauseAboveBytes) from.pause();
  }

  /** A receiver's backlog has become smaller: its sender may go on. */
  drained(to: End): void {
    if (to.socket.backlog < LIMITS.resumeBelowBytes) this.#partnerOf(to).resume();
  }

  #partnerOf(end: End): End {
    return end === this.#ends[0] ? this.#ends[1] : this.#ends[0];
  }
}

/** One side of a pipe. */
class End implements SocketListener {
  /** The place of this socket's backlog in the sum of all. */
  readonly share: Share;
  /** How often this side may send nothing. */
  readonly emptyFrames: TokenBucket;
  #isPaused = false;

  constructor(readonly socket: PeerSocket, readonly pipe: Pipe, { buffers, clock }: PipeOptions) {
    this.share = buffers.open({
      measure: () => socket.backlog,
      evict: () => pipe.close(socket, CLOSE.outOfBuffers, CLOSE.outOfBuffers),
    });
    this.emptyFrames = new TokenBucket(clock, {
      perSecond: LIMITS.emptyFramesPerSecond,
      burst: LIMITS.emptyFrameBurst,
    });
  }

  /** Whether back-pressure reaches this side: then nobody is cut for being fast. */
  get canPause(): boolean {
    return this.socket.pause !== undefined;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause?.();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.socket.resume?.();
  }

  message(frame: Frame): void {
    this.pipe.forward(frame, this);
  }

  drained(): void {
    this.pipe.drained(this);
  }

  closed(ending: Ending): void {
    this.share.close();
    this.pipe.close(this.socket, CLOSE.peerLost, crossing(ending));
  }
}

/** What the partner hears of a close: the peer's own code and reason, if it sent any. */
function crossing({ code, reason }: Ending): Close {
  return code === undefined ? CLOSE.peerLost : { code, reason };
}
