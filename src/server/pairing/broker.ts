/**
 * Keeps the first of two reciprocal connections pending, for a bounded time and in bounded memory, and pairs it with
 * the second.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import type { Matchmaker } from "./matchmaker.ts";
import type { Logger } from "../core/log.ts";
import { type PairSummary, Pipe, type PipeOptions, type Side } from "./pipe.ts";
import { PendingConnection, type PendingConnectionOptions } from "./pending_connection.ts";
import { type ConnectionKey, keyOf, keyWith, reverse } from "../core/connection_key.ts";
import { SettlingSocket } from "./settling_socket.ts";
import type { PeerSocket } from "../transport/transport.ts";

/** What a broker needs: what its pending connections and pipes need, and a log. */
export interface BrokerOptions extends PendingConnectionOptions, PipeOptions {
  readonly backplane: Matchmaker;
  readonly log: Logger;
}

/** What a pending connection is paired with. */
interface Counterpart {
  readonly key: ConnectionKey;
  readonly socket: PeerSocket;
  /** It is on another instance. */
  readonly isRemote: boolean;
}

/** Pairs reciprocal connections. */
export class Broker {
  readonly #pending = new Map<string, PendingConnection>();
  readonly #sides = new Map<string, Side>();
  readonly #options: BrokerOptions;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** Pending connections, and pairs. */
  get counts(): { seekers: number; pairs: number } {
    return { seekers: this.#pending.size, pairs: this.#sides.size / 2 };
  }

  /** Takes over a connection socket. It supersedes an older one of the same side, then is paired or becomes pending. */
  welcome(requested: ConnectionKey, newcomer: PeerSocket): void {
    // A client listens to a stream before it opens it.
    const socket = newcomer.isStream ? newcomer : new SettlingSocket(newcomer, this.#options.clock);
    // What supersedes another connection here is newer for other instances, too, even if its request came earlier.
    const key = this.supersede(requested) ? { ...requested, requestedAt: undefined } : requested;
    const counterpart = this.#pending.get(keyOf(reverse(key)));
    if (counterpart === undefined) return this.#hold(key, socket);
    this.#options.backplane.came(key, false);
    this.#join(counterpart, { key, socket, isRemote: false });
  }

  /** Pairs a pending connection with its other side, on another instance. False: it is not pending any more. */
  joinRemote(key: ConnectionKey, socket: PeerSocket): boolean {
    const pending = this.#pending.get(keyOf(key));
    if (pending !== undefined) this.#join(pending, { key: reverse(key), socket, isRemote: true });
    return pending !== undefined;
  }

  /** Closes the connection of this side, since a newer one has come. Says whether there was one. */
  supersede(key: ConnectionKey): boolean {
    const id = keyOf(key);
    const [pending, side] = [this.#pending.get(id), this.#sides.get(id)];
    pending?.close(CLOSE.superseded);
    side?.pipe.close(side.socket, CLOSE.superseded, CLOSE.peerLost);
    return pending !== undefined || side !== undefined;
  }

  /** Another instance knows the peer that is waited for, or, if `isThere` is false, the peer that waits. */
  sighted(key: ConnectionKey, isThere: boolean): void {
    this.#pending.get(keyOf(key))?.sighted(isThere);
  }

  /** The sockets of all pending connections and pairs, for the drain. */
  *sockets(): Iterable<PeerSocket> {
    for (const { socket } of this.#pending.values()) yield socket;
    for (const { socket } of this.#sides.values()) yield socket;
  }

  #hold(key: ConnectionKey, socket: PeerSocket): void {
    const id = keyOf(key);
    const left = (isJoined: boolean) => {
      this.#pending.delete(id);
      if (!isJoined) this.#options.backplane.went(key);
    };
    this.#pending.set(id, new PendingConnection(key, socket, this.#options, left));
    this.#options.backplane.came(key, true);
    this.#options.log.debug("holding {local} for {remote}", { local: key.localId, remote: key.remoteId });
  }

  #join(pending: PendingConnection, { key, socket, isRemote }: Counterpart): void {
    const ids = [keyOf(pending.key), keyOf(key)];
    const held = pending.handOver();
    this.#options.backplane.paired(pending.key);
    this.#options.counters.pairsMade += 1;
    // A relay has tens of thousands of pairs: of both keys, a pair holds only the ids as one string.
    const ended = (summary: PairSummary) => this.#ended(ids, isRemote, summary);
    const pipe = new Pipe([pending.socket, socket], ended, this.#options);
    // Before the first frame, which may already end the pair.
    for (const [at, id] of ids.entries()) this.#sides.set(id, pipe.sides[at]);
    this.#options.log.debug("paired {local} with {remote}", { local: key.localId, remote: key.remoteId });
    pipe.start(held, pending.isPaused);
  }

  /** Other instances know only the connections of this one. */
  #ended(ids: readonly string[], isRemote: boolean, summary: PairSummary): void {
    for (const id of ids) this.#sides.delete(id);
    for (const id of isRemote ? ids.slice(0, 1) : ids) this.#options.backplane.went(keyWith(id));
    this.#options.log.info("a pair ended: {why}", { ...summary });
  }
}
