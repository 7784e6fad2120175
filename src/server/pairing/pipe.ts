/**
 * Two sockets, joined: frames cross unchanged and in order, and so does the close.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { BudgetHolder, MemoryBudget, Share } from "../core/memory_budget.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { addFrame, type Counters } from "../metrics/counters.ts";
import { LIMITS } from "../core/limits.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import {
  byteLength,
  emptyCount,
  type Ending,
  type Frame,
  messageCount,
  type PeerSocket,
  type SocketListener,
} from "../transport/transport.ts";

/** What a pipe needs besides its two sockets. */
export interface PipeOptions {
  readonly buffers: MemoryBudget;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Bytes that one receiving socket may leave unread. */
  readonly maxBufferedBytes: number;
  /** The pipe carries nothing any more, though its sockets may still be closing. Called exactly once. */
  readonly ended: (summary: PairSummary) => void;
}

/** What an ended pair was: no ids, no addresses, nothing that a peer wrote. */
export interface PairSummary {
  readonly seconds: number;
  /** From either side, the one that came first before the other. */
  readonly frames: readonly [number, number];
  readonly bytes: readonly [number, number];
  readonly why: string;
}

/** A pair of sockets, piped. */
export class Pipe {
  readonly #options: PipeOptions;
  readonly #ends: readonly [End, End];
  readonly #startedAt: number;
  #isOpen = true;

  constructor(first: PeerSocket, second: PeerSocket, options: PipeOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#ends = [new End(first, this, options), new End(second, this, options)];
  }

  /**
   * Joins the sockets. `held` is what the first sent while it waited; the second gets it before all else. If the first was
   * paused meanwhile, it is read again once the second has caught up.
   */
  start(held: readonly Frame[], isPaused = false): void {
    const [first, second] = this.#ends;
    for (const end of this.#ends) {
      // Nobody behind a stream answers pings: the socket's transport goes on doing so.
      if (end.socket.isStream || !this.#partnerOf(end).socket.isStream) end.socket.paired?.();
    }
    if (isPaused) this.#holdBack(first, second);
    for (const end of this.#ends) end.socket.listen(end);
    for (const frame of held) this.#forward(frame, byteLength(frame), first);
    if (isPaused) this.drained(second);
  }

  /** Closes both sides, each behind what was sent to it: the side of `socket` with `close`, the other with `other`. */
  close(socket: PeerSocket, close: Close, other: Close): void {
    this.#close(close.reason, (end) => end.socket.close(end.socket === socket ? close : other));
  }

  /** A side has ended: closes the other behind what that one sent. */
  sideEnded(side: End, ending: Ending): void {
    this.#close(reasonOf(ending), (end) => {
      if (end === side) end.socket.close(CLOSE.peerLost);
      else end.socket.close(crossing(ending), true);
    });
  }

  #close(why: string, closeEnd: (end: End) => void): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const end of this.#ends) {
      end.stopAsking();
      closeEnd(end);
    }
    this.#options.ended(this.#summary(why));
  }

  /** Takes a frame that a side has just sent. */
  receive(frame: Frame, from: End): void {
    const size = byteLength(frame);
    addFrame(this.#options.counters.received, frame, size);
    this.#forward(frame, size, from);
  }

  /** Carries a frame from one side to the other, or ends the pair at a bound. */
  #forward(frame: Frame, size: number, from: End): void {
    const to = this.#partnerOf(from);
    // The rest of a frame that was under way when the pair was closed.
    if (!this.#isOpen) return to.socket.send(frame);
    const backlog = to.socket.backlog;
    if (backlog > this.#options.maxBufferedBytes && !from.canPause) {
      return this.close(to.socket, CLOSE.slowReader, CLOSE.slowReader);
    }
    // A stream's backlog weighs empty frames, too.
    if (!to.socket.isStream && !from.maySendEmpty(emptyCount(frame, size))) {
      return this.close(from.socket, CLOSE.flooding, CLOSE.peerLost);
    }
    to.socket.send(frame);
    from.frames += messageCount(frame);
    from.bytes += size;
    addFrame(this.#options.counters.delivered, frame, size);
    to.weigh(backlog + size);
    if (backlog + size > to.pauseAboveBytes) this.#holdBack(from, to);
  }

  /** Reads no more of a side until the other has caught up. Who cannot pause does not tell when it has: it is asked. */
  #holdBack(from: End, to: End): void {
    from.pause();
    if (from.canPause && !to.canPause) to.ask();
  }

  /** A receiver's backlog has become smaller: its sender may go on. */
  drained(to: End): boolean {
    const isDrained = to.socket.backlog < to.resumeBelowBytes;
    if (isDrained) this.#partnerOf(to).resume();
    return isDrained;
  }

  #summary(why: string): PairSummary {
    const [a, b] = this.#ends;
    const seconds = Math.round((this.#options.clock.now() - this.#startedAt) / 1000);
    return { seconds, frames: [a.frames, b.frames], bytes: [a.bytes, b.bytes], why };
  }

  #partnerOf(end: End): End {
    return end === this.#ends[0] ? this.#ends[1] : this.#ends[0];
  }
}

/** Why a pair ended, without anything that a peer wrote. */
function reasonOf({ code }: Ending): string {
  if (code === undefined) return CLOSE.peerLost.reason;
  // Peers answer the relay's own close with its code.
  return code === CLOSE.restarting.code ? CLOSE.restarting.reason : `a peer closed with ${code}`;
}

/** One side of a pipe. */
class End implements SocketListener, BudgetHolder {
  /** The place of this socket's backlog in the sum of all. */
  readonly share: Share;
  /** What this side sent and the other got. */
  frames = 0;
  bytes = 0;
  readonly #options: PipeOptions;
  /** How often this side may send nothing. Made for the first such frame: hardly anybody sends one. */
  #emptyFrames: TokenBucket | undefined;
  #isPaused = false;
  #question: Timer | undefined;

  constructor(readonly socket: PeerSocket, readonly pipe: Pipe, options: PipeOptions) {
    this.#options = options;
    this.share = (socket.budget ?? options.buffers).open(this);
  }

  /** Bytes of its backlog above which its partner is read no more. */
  get pauseAboveBytes(): number {
    return this.socket.isStream ? LIMITS.streamPauseBytes : LIMITS.pauseAboveBytes;
  }

  /** Bytes below which it is read again. */
  get resumeBelowBytes(): number {
    return this.socket.isStream ? LIMITS.streamResumeBytes : LIMITS.resumeBelowBytes;
  }

  /** Says what is kept. Of a stream little is, and it changes with every message: that is told in steps. */
  weigh(backlog: number): void {
    const bytes = backlog + (this.socket.unfinished ?? 0);
    const isTold = !this.socket.isStream || Math.abs(bytes - this.share.bytes) >= LIMITS.streamStepBytes;
    if (isTold) this.share.set(bytes);
  }

  measure(): number {
    return this.socket.backlog + (this.socket.unfinished ?? 0);
  }

  evict(): void {
    this.pipe.close(this.socket, CLOSE.outOfBuffers, CLOSE.outOfBuffers);
    // What it does not read would be kept for as long as it likes.
    this.socket.terminate?.();
  }

  maySendEmpty(frames: number): boolean {
    if (frames === 0) return true;
    this.#emptyFrames ??= new TokenBucket(this.#options.clock, EMPTY_FRAMES);
    return this.#emptyFrames.take(frames);
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

  /** Asks until this side has caught up. */
  ask(): void {
    this.#question ??= this.#options.clock.after(LIMITS.askMs, () => {
      this.#question = undefined;
      if (!this.pipe.drained(this)) this.ask();
    });
  }

  stopAsking(): void {
    this.#question?.cancel();
  }

  message(frame: Frame): void {
    this.pipe.receive(frame, this);
  }

  drained(): void {
    this.pipe.drained(this);
  }

  closed(ending: Ending): void {
    this.share.close();
    this.#options.counters.closed(ending);
    this.ending(ending);
  }

  ending(ending: Ending): void {
    this.pipe.sideEnded(this, ending);
  }
}

const EMPTY_FRAMES = { perSecond: LIMITS.emptyFramesPerSecond, burst: LIMITS.emptyFrameBurst };

/** What the partner hears of a close: the peer's own code and reason, if it sent any. */
function crossing({ code, reason }: Ending): Close {
  return code === undefined ? CLOSE.peerLost : { code, reason };
}
