/**
 * Two sockets, joined: frames cross unchanged and in order, and so does the close.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { BudgetHolder, MemoryBudget, Share } from "../core/memory_budget.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { addChunk, type Counters } from "../metrics/counters.ts";
import { LIMITS } from "../core/limits.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import {
  byteLength,
  type Chunk,
  emptyCount,
  type Ending,
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
}

/** What an ended pair was: no ids, no addresses, nothing that a peer wrote. */
export interface PairSummary {
  readonly seconds: number;
  /** From each side; the side that came first stands first. */
  readonly frames: readonly [number, number];
  readonly bytes: readonly [number, number];
  readonly why: string;
}

/** One side of a pair. */
export interface Side {
  readonly socket: PeerSocket;
  readonly pipe: Pipe;
}

/** A pair of sockets, piped. */
export class Pipe {
  readonly #options: PipeOptions;
  readonly #ended: (summary: PairSummary) => void;
  readonly #ends: readonly [End, End];
  readonly #startedAt: number;
  #isOpen = true;

  /** @param ended It carries nothing any more, though its sockets may still be closing. Called exactly once. */
  constructor(
    [first, second]: readonly [PeerSocket, PeerSocket],
    ended: (summary: PairSummary) => void,
    options: PipeOptions,
  ) {
    this.#options = options;
    this.#ended = ended;
    this.#startedAt = options.clock.now();
    this.#ends = [new End(first, this, options), new End(second, this, options)];
  }

  get sides(): readonly [Side, Side] {
    return this.#ends;
  }

  /**
   * Connects the sockets. The first sent `held` while it was pending; the second gets it before all else. If the first
   * was paused, the relay reads it again once the second has caught up.
   */
  start(held: readonly Chunk[], isPaused = false): void {
    const [first, second] = this.#ends;
    for (const end of this.#ends) {
      // A stream does not answer pings: the socket's transport goes on doing so.
      const partner = this.#partnerOf(end).socket;
      if (end.socket.isStream || !partner.isStream) end.socket.paired?.(partner);
    }
    if (isPaused) this.#applyBackpressure(first, second);
    for (const end of this.#ends) end.socket.listen(end);
    for (const chunk of held) this.#forward(chunk, byteLength(chunk), first, true);
    if (isPaused) this.drained(second);
  }

  /** Closes both sides, each behind what was sent to it: the side of `socket` with `close`, the other with `other`. */
  close(socket: PeerSocket, close: Close, other: Close): void {
    this.#close(close.reason, (end) => end.socket.close(end.socket === socket ? close : other));
  }

  /** One side has ended: closes the other, behind what was sent to it. */
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
      end.stopPolling();
      closeEnd(end);
    }
    this.#ended(this.#summary(why));
  }

  /** Takes what one side has just sent. */
  receive(chunk: Chunk, from: End): void {
    const size = byteLength(chunk);
    addChunk(this.#options.counters.received, chunk, size);
    this.#forward(chunk, size, from);
  }

  /**
   * Sends a chunk to the other side, or closes the pair when it is past a bound.
   *
   * @param wasHeld It was kept within another bound: who has just come cannot be slow.
   */
  #forward(chunk: Chunk, size: number, from: End, wasHeld = false): void {
    const to = this.#partnerOf(from);
    // The end of a frame that was on its way when the pair was closed.
    if (!this.#isOpen) return to.socket.send(chunk);
    const backlog = to.socket.backlog;
    if (!wasHeld && backlog > this.#options.maxBufferedBytes && !from.canPause) {
      return this.close(to.socket, CLOSE.slowReader, CLOSE.slowReader);
    }
    // A stream counts empty frames in its backlog.
    if (!to.socket.isStream && !from.maySendEmpty(emptyCount(chunk, size))) {
      return this.close(from.socket, CLOSE.flooding, CLOSE.peerLost);
    }
    to.socket.send(chunk);
    from.frames += messageCount(chunk);
    from.bytes += size;
    addChunk(this.#options.counters.delivered, chunk, size);
    to.weigh(to.socket.isStream ? to.socket.backlog : backlog + size);
    if (backlog + size > to.pauseAboveBytes) this.#applyBackpressure(from, to);
  }

  /**
   * Pauses a sender until its receiver has caught up. A socket that cannot pause does not say when, so it is polled.
   */
  #applyBackpressure(from: End, to: End): void {
    from.pause();
    if (from.canPause && !to.canPause) to.poll();
  }

  /** A receiver's backlog has become smaller: its sender may be read again. */
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

/** Why a pair ended. Nothing that a peer wrote is part of it. */
function reasonOf({ code }: Ending): string {
  if (code === undefined) return CLOSE.peerLost.reason;
  // Peers answer the relay's own close with its code.
  return code === CLOSE.restarting.code ? CLOSE.restarting.reason : `a peer closed with ${code}`;
}

/** One side of a pipe. */
class End implements Side, SocketListener, BudgetHolder {
  /** This socket's share of the memory budget. */
  readonly share: Share;
  /** Frames and bytes that this side sent and the other got. */
  frames = 0;
  bytes = 0;
  readonly #options: PipeOptions;
  /** Bounds the rate of empty frames. Made for the first one: hardly any peer sends one. */
  #emptyFrames: TokenBucket | undefined;
  #isPaused = false;
  #poll: Timer | undefined;

  constructor(readonly socket: PeerSocket, readonly pipe: Pipe, options: PipeOptions) {
    this.#options = options;
    this.share = (socket.budget ?? options.buffers).open(this);
  }

  /** Bytes of its backlog above which its partner is paused. */
  get pauseAboveBytes(): number {
    return this.socket.isStream ? LIMITS.streamPauseBytes : LIMITS.pauseAboveBytes;
  }

  /** Bytes below which it is read again. */
  get resumeBelowBytes(): number {
    return this.socket.isStream ? LIMITS.streamResumeBytes : LIMITS.resumeBelowBytes;
  }

  /** Updates the memory budget. */
  weigh(backlog: number): void {
    this.share.set(backlog + (this.socket.unfinished ?? 0));
  }

  measure(): number {
    return this.socket.backlog + (this.socket.unfinished ?? 0);
  }

  evict(): void {
    this.pipe.close(this.socket, CLOSE.outOfBuffers, CLOSE.outOfBuffers);
    // Otherwise what it does not read would stay for as long as it likes.
    this.socket.terminate?.();
  }

  maySendEmpty(frames: number): boolean {
    if (frames === 0) return true;
    this.#emptyFrames ??= new TokenBucket(this.#options.clock, EMPTY_FRAMES);
    return this.#emptyFrames.take(frames);
  }

  /** Whether backpressure reaches this side: then no fast sender is closed. */
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

  /** Looks again and again until this side has caught up. */
  poll(): void {
    this.#poll ??= this.#options.clock.after(LIMITS.askMs, () => {
      this.#poll = undefined;
      if (!this.pipe.drained(this)) this.poll();
    });
  }

  stopPolling(): void {
    this.#poll?.cancel();
  }

  message(chunk: Chunk): void {
    this.pipe.receive(chunk, this);
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

/** The close for the partner: the peer's own code and reason, if it sent any. */
function crossing({ code, reason }: Ending): Close {
  return code === undefined ? CLOSE.peerLost : { code, reason };
}
