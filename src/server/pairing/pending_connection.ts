/**
 * A connection socket whose other side has not come yet: held with its frames, bounded and expiring.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { MemoryBudget, Share } from "../core/memory_budget.ts";
import type { ConnectionKey } from "../core/connection_key.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { addFrame, type Counters } from "../metrics/counters.ts";
import { DepartedSocket } from "./departed_socket.ts";
import { LIMITS } from "../core/limits.ts";
import { Part } from "../core/message.ts";
import {
  byteLength,
  type Ending,
  type Frame,
  type PeerSocket,
  type SocketListener,
  Splice,
} from "../transport/transport.ts";

/** What a pending connection needs besides its socket. */
export interface PendingConnectionOptions {
  readonly buffers: MemoryBudget;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Seconds to wait for the other side; 0: for ever. */
  readonly holdTimeout: number;
  /** Tells the counterpart that it is waited for. False: not everybody could be told, so that silence means nothing. */
  readonly remind: (pending: ConnectionKey) => boolean;
  /** Whether a peer is here and interested in a document. */
  readonly isInterested: (peerId: string, documentId: string) => boolean;
  readonly backplane: {
    /** Milliseconds in which its other side may come from elsewhere although it has gone itself. */
    answerDueMs(pending: ConnectionKey): number;
  };
}

/** A held connection socket. */
export class PendingConnection implements SocketListener {
  readonly #options: PendingConnectionOptions;
  readonly #left: (isJoined: boolean) => void;
  readonly #frames: Frame[] = [];
  readonly #share: Share;
  readonly #expiry: Timer | undefined;
  #reminder: Timer;
  #socket: PeerSocket;
  /** Bytes kept, with what keeping them costs. */
  #weight = 0;
  #isPaused = false;
  /** One side is known to be interested in the document, so that the other should be, too. */
  #isExpected: boolean;
  /** Since the other side was missing. */
  #absence: Timer | undefined;
  /** How its socket ended, while it is still waited for. */
  #departure: Ending | undefined;
  #lingering: Timer | undefined;
  #isOver = false;

  /** @param left The wait is over: the other side has come, or this one has gone. Called exactly once. */
  constructor(
    readonly claim: ConnectionKey,
    socket: PeerSocket,
    options: PendingConnectionOptions,
    left: (isJoined: boolean) => void,
  ) {
    this.#options = options;
    this.#left = left;
    this.#socket = socket;
    const { buffers, clock, holdTimeout } = options;
    this.#share = (socket.budget ?? buffers).open({
      measure: () => this.#weight,
      evict: () => this.close(CLOSE.outOfBuffers),
    });
    options.counters.seekersHeld += 1;
    this.#isExpected = this.#isInterested(claim.localId) || this.#isInterested(claim.remoteId);
    if (holdTimeout > 0) this.#expiry = clock.after(holdTimeout * 1000, () => this.#expire());
    this.#reminder = clock.after(LIMITS.remindFirstMs, () => this.#remind());
    socket.listen(this);
  }

  message(frame: Frame): void {
    if (this.#isOver) return drop(frame);
    const size = byteLength(frame);
    addFrame(this.#options.counters.received, frame, size);
    // One large message may always pass, as it may in a pair.
    if (this.#weight > LIMITS.heldBytesUnpaused && !this.#canPause) return this.close(CLOSE.holdFull);
    this.#frames.push(detached(frame));
    this.#weight += size + LIMITS.frameOverheadBytes;
    if (this.#weight > LIMITS.heldBytes) this.#pause();
    // At last: it may evict this very pending connection.
    this.#share.set(this.#weight);
  }

  get socket(): PeerSocket {
    return this.#socket;
  }

  /** Its socket is not read any more: what is held is enough. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  ending(ending: Ending): void {
    if (this.#isOver || this.#departure !== undefined) return;
    const ms = Math.max(this.#options.backplane.answerDueMs(this.claim), this.#lastWordsMs(ending));
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

  /** The other side is there, or, if `isThere` is false, this one is, as another instance knows. */
  sighted(isThere: boolean): void {
    this.#isExpected = true;
    if (isThere) this.#forgetAbsence();
  }

  get #canPause(): boolean {
    return this.#socket.pause !== undefined;
  }

  /** What comes all the same, as it was under way, is kept. */
  #pause(): void {
    if (this.#isPaused || !this.#canPause) return;
    this.#isPaused = true;
    this.#socket.pause?.();
  }

  /** Who has spoken and hung up may have been introduced to somebody whose request is not read yet. */
  #lastWordsMs({ code }: Ending): number {
    const hasSpoken = this.#frames.length > 0 && code !== undefined;
    return hasSpoken && this.#isExpected ? LIMITS.lastWordsMs : 0;
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
    for (const timer of [this.#expiry, this.#reminder, this.#lingering, this.#absence]) timer?.cancel();
    this.#share.close();
    this.#left(isJoined);
  }

  #remind(): void {
    this.#reminder = this.#options.clock.after(LIMITS.remindEveryMs, () => this.#remind());
    if (this.#options.remind(this.claim)) this.#lookOut();
    else this.#forgetAbsence();
  }

  /** Ends the wait for a peer that is gone. Other instances answer a reminder with {@link PendingConnection.sighted}. */
  #lookOut(): void {
    const { claim } = this;
    if (this.#isInterested(claim.remoteId)) return this.sighted(true);
    if (this.#isInterested(claim.localId)) this.sighted(false);
    this.#absence ??= this.#options.clock.after(LIMITS.ghostMs, () => {
      this.#absence = undefined;
      if (this.#isExpected) this.#expire();
    });
  }

  #forgetAbsence(): void {
    this.#absence?.cancel();
    this.#absence = undefined;
  }

  #isInterested(peerId: string): boolean {
    return this.#options.isInterested(peerId, this.claim.documentId);
  }
}

/** The rest of what was under way when a pending connection was closed. */
function drop(frame: Frame): void {
  if (frame instanceof Splice) frame.release();
}

/** A frame that keeps nothing else in memory: a view would keep the whole chunk that was read. */
function detached(frame: Frame): Frame {
  if (frame instanceof Splice) return copied(frame);
  if (frame instanceof Part) return frame.detached();
  return frame instanceof Uint8Array && frame.byteLength < frame.buffer.byteLength ? frame.slice() : frame;
}

function copied(splice: Splice): Splice {
  const copy = new Splice(splice.bytes.slice(), splice.contents, splice.tail);
  splice.release();
  return copy;
}
