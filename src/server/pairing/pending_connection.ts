/**
 * A connection socket whose other side has not come yet. The relay keeps it with its frames, for a bounded time and in
 * bounded memory.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { MemoryBudget, Share } from "../core/memory_budget.ts";
import type { ConnectionKey } from "../core/connection_key.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { addChunk, type Counters } from "../metrics/counters.ts";
import { DepartedSocket } from "./departed_socket.ts";
import { LIMITS } from "../core/limits.ts";
import {
  byteLength,
  type Chunk,
  detached,
  type Ending,
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
  /** Reminds the counterpart. False: not all instances could be asked, so that no answer means nothing. */
  readonly remind: (pending: ConnectionKey) => boolean;
  /** Whether a peer of this instance is interested in a document. */
  readonly isInterested: (peerId: string, documentId: string) => boolean;
  readonly backplane: {
    /** Milliseconds in which the other side may still come from another instance, though this one has gone. */
    answerDueMs(pending: ConnectionKey): number;
  };
}

/** A pending connection socket. */
export class PendingConnection implements SocketListener {
  readonly #options: PendingConnectionOptions;
  readonly #left: (isJoined: boolean) => void;
  readonly #chunks: Chunk[] = [];
  readonly #share: Share;
  readonly #expiry: Timer | undefined;
  #reminder: Timer;
  #socket: PeerSocket;
  /** Bytes of its frames, with what keeping them costs. */
  #weight = 0;
  #isPaused = false;
  /** One side is known to be interested in the document, so the other one should be, too. */
  #isExpected: boolean;
  /** Runs while no instance knows the peer of the other side. */
  #absence: Timer | undefined;
  /** How its socket ended, while the other side may still come. */
  #departure: Ending | undefined;
  #lingering: Timer | undefined;
  #isOver = false;

  /** @param left It is not pending any more: the other side has come, or this one has gone. Called exactly once. */
  constructor(
    readonly key: ConnectionKey,
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
    options.counters.connectionsHeld += 1;
    this.#isExpected = this.#isOneInterested;
    if (holdTimeout > 0) this.#expiry = clock.after(holdTimeout * 1000, () => this.#expire());
    this.#reminder = clock.after(LIMITS.remindFirstMs, () => this.#remind());
    socket.listen(this);
  }

  message(chunk: Chunk): void {
    if (this.#isOver) return drop(chunk);
    const size = byteLength(chunk);
    addChunk(this.#options.counters.received, chunk, size);
    // One large message may always pass, as it may in a pair.
    if (this.#weight > LIMITS.heldBytesUnpaused && !this.#canPause) return this.close(CLOSE.holdFull);
    this.#chunks.push(kept(chunk));
    this.#weight += size + LIMITS.frameOverheadBytes;
    if (this.#weight > LIMITS.heldBytes) this.#pause();
    // Last: it may evict this very connection.
    this.#share.set(this.#weight);
  }

  get socket(): PeerSocket {
    return this.#socket;
  }

  /** The relay does not read its socket: it keeps enough already. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  ending(ending: Ending): void {
    if (this.#isOver || this.#departure !== undefined) return;
    const ms = Math.max(this.#options.backplane.answerDueMs(this.key), this.#lastWordsMs(ending));
    if (ms > 0) this.#linger(ending, ms);
    else this.#end();
  }

  closed(ending: Ending): void {
    this.ending(ending);
    if (this.#departure === undefined) this.#options.counters.closed(ending);
  }

  /** Closes the socket. */
  close(close: Close): void {
    this.#end();
    this.#socket.close(close);
  }

  /** Hands the socket and its frames over to the caller. */
  handOver(): Chunk[] {
    this.#leave(true);
    return this.#chunks.splice(0);
  }

  /** Another instance knows the peer of the other side, or, if `isThere` is false, the peer of this one. */
  sighted(isThere: boolean): void {
    this.#isExpected = true;
    if (isThere) this.#forgetAbsence();
  }

  get #canPause(): boolean {
    return this.#socket.pause !== undefined;
  }

  /** Frames that were already on their way are kept. */
  #pause(): void {
    if (this.#isPaused || !this.#canPause) return;
    this.#isPaused = true;
    this.#socket.pause?.();
  }

  /** A peer that spoke and hung up may have been introduced to one whose request is not read yet. */
  #lastWordsMs({ code }: Ending): number {
    const hasSpoken = this.#chunks.length > 0 && code !== undefined;
    // It may have joined the document after it connected.
    return hasSpoken && (this.#isExpected || this.#isOneInterested) ? LIMITS.lastWordsMs : 0;
  }

  /** Keeps what a socket said and how it ended, for another side that may have come to another instance. */
  #linger(ending: Ending, ms: number): void {
    const { clock } = this.#options;
    this.#departure = ending;
    this.#socket = new DepartedSocket(ending, clock, () => this.#end());
    this.#lingering = clock.after(ms, () => this.#end());
  }

  #end(): void {
    this.#leave(false);
    // The socket may stay for a while, and this listener with it.
    this.#chunks.length = 0;
  }

  #expire(): void {
    this.#options.counters.connectionsExpired += 1;
    this.close(CLOSE.noReciprocal);
  }

  #leave(isJoined: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // The new listener of a paired socket counts its end.
    if (this.#departure !== undefined && !isJoined) this.#options.counters.closed(this.#departure);
    for (const timer of [this.#expiry, this.#reminder, this.#lingering, this.#absence]) timer?.cancel();
    this.#share.close();
    this.#left(isJoined);
  }

  #remind(): void {
    this.#reminder = this.#options.clock.after(LIMITS.remindEveryMs, () => this.#remind());
    if (this.#options.remind(this.key)) this.#lookOut();
    else this.#forgetAbsence();
  }

  /** Expires when the other peer is gone. Other instances answer a reminder with {@link PendingConnection.sighted}. */
  #lookOut(): void {
    const { key } = this;
    if (this.#isInterested(key.remoteId)) return this.sighted(true);
    if (this.#isInterested(key.localId)) this.sighted(false);
    this.#absence ??= this.#options.clock.after(LIMITS.ghostMs, () => {
      this.#absence = undefined;
      if (this.#isExpected) this.#expire();
    });
  }

  #forgetAbsence(): void {
    this.#absence?.cancel();
    this.#absence = undefined;
  }

  get #isOneInterested(): boolean {
    return this.#isInterested(this.key.localId) || this.#isInterested(this.key.remoteId);
  }

  #isInterested(peerId: string): boolean {
    return this.#options.isInterested(peerId, this.key.documentId);
  }
}

/** For what was on its way when a pending connection was closed. */
function drop(chunk: Chunk): void {
  if (chunk instanceof Splice) chunk.release();
}

/** In memory of its own. */
function kept(chunk: Chunk): Chunk {
  return chunk instanceof Splice ? copied(chunk) : detached(chunk);
}

function copied(splice: Splice): Splice {
  const copy = new Splice(splice.bytes.slice(), splice.contents, splice.tail);
  splice.release();
  return copy;
}
