/**
 * Holds the first of two reciprocal connections, bounded and expiring, and joins it with the second.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import type { Matchmaker } from "./matchmaker.ts";
import type { Logger } from "../core/log.ts";
import { type PairSummary, Pipe, type PipeOptions } from "./pipe.ts";
import { PendingConnection, type PendingConnectionOptions } from "./pending_connection.ts";
import { type ConnectionKey, keyOf, reverse } from "../core/connection_key.ts";
import { SettlingSocket } from "./settling_socket.ts";
import type { PeerSocket } from "../transport/transport.ts";

/** What a broker needs: what its pending connections and pipes need, and a log. */
export interface BrokerOptions extends PendingConnectionOptions, Omit<PipeOptions, "ended"> {
  readonly backplane: Matchmaker;
  readonly log: Logger;
}

/** A connection that is one half of a pair. */
interface Half {
  readonly socket: PeerSocket;
  readonly pipe: Pipe;
}

/** What a pending connection is joined with. */
interface Counterpart {
  readonly claim: ConnectionKey;
  readonly socket: PeerSocket;
  /** Those of the two that other instances know as connections of this one. */
  readonly leaves: readonly ConnectionKey[];
}

/** Pairs reciprocal connections. */
export class Broker {
  readonly #pending = new Map<string, PendingConnection>();
  readonly #halves = new Map<string, Half>();
  readonly #options: BrokerOptions;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** How much is held and piped. */
  get counts(): { seekers: number; pairs: number } {
    return { seekers: this.#pending.size, pairs: this.#halves.size / 2 };
  }

  /** Takes over a connection socket: it replaces an older one of the same side, then is joined or held. */
  welcome(requested: ConnectionKey, newcomer: PeerSocket): void {
    // Whoever opens a stream listens already.
    const socket = newcomer.isStream ? newcomer : new SettlingSocket(newcomer, this.#options.clock);
    // Whoever takes another's place is the newer one for other instances, too, also if it was asked for earlier.
    const claim = this.supersede(requested) ? { ...requested, requestedAt: undefined } : requested;
    const counterpart = this.#pending.get(keyOf(reverse(claim)));
    if (counterpart === undefined) return this.#hold(claim, socket);
    this.#options.backplane.came(claim, false);
    this.#join(counterpart, { claim, socket, leaves: [counterpart.claim, claim] });
  }

  /** Joins a pending connection with its other side, which is on another instance. False: it does not wait any more. */
  joinRemote(claim: ConnectionKey, socket: PeerSocket): boolean {
    const pending = this.#pending.get(keyOf(claim));
    if (pending !== undefined) this.#join(pending, { claim: reverse(claim), socket, leaves: [claim] });
    return pending !== undefined;
  }

  /** Ends the connection of this side: a newer one has come. Says whether there was one. */
  supersede(claim: ConnectionKey): boolean {
    const key = keyOf(claim);
    const [pending, half] = [this.#pending.get(key), this.#halves.get(key)];
    pending?.close(CLOSE.superseded);
    half?.pipe.close(half.socket, CLOSE.superseded, CLOSE.peerLost);
    return pending !== undefined || half !== undefined;
  }

  /** Another instance knows the peer that is waited for or, if `isThere` is false, the one that waits. */
  sighted(claim: ConnectionKey, isThere: boolean): void {
    this.#pending.get(keyOf(claim))?.sighted(isThere);
  }

  /** The sockets of all pending connections and pairs, for the drain. */
  *sockets(): Iterable<PeerSocket> {
    for (const { socket } of this.#pending.values()) yield socket;
    for (const { socket } of this.#halves.values()) yield socket;
  }

  #hold(claim: ConnectionKey, socket: PeerSocket): void {
    const key = keyOf(claim);
    const left = (isJoined: boolean) => {
      this.#pending.delete(key);
      if (!isJoined) this.#options.backplane.went(claim);
    };
    this.#pending.set(key, new PendingConnection(claim, socket, this.#options, left));
    this.#options.backplane.came(claim, true);
    this.#options.log.debug("holding {local} for {remote}", { local: claim.localId, remote: claim.remoteId });
  }

  #join(pending: PendingConnection, { claim, socket, leaves }: Counterpart): void {
    const keys = [keyOf(pending.claim), keyOf(claim)];
    const held = pending.handOver();
    this.#options.backplane.paired(pending.claim);
    const ended = (summary: PairSummary) => {
      for (const key of keys) this.#halves.delete(key);
      for (const left of leaves) this.#options.backplane.went(left);
      this.#options.log.info("a pair ended: {why}", { ...summary });
    };
    this.#options.counters.pairsMade += 1;
    const pipe = new Pipe(pending.socket, socket, { ...this.#options, ended });
    // Before the first frame: it may already end the pair.
    this.#halves.set(keys[0], { socket: pending.socket, pipe });
    this.#halves.set(keys[1], { socket, pipe });
    this.#options.log.debug("paired {local} with {remote}", { local: claim.localId, remote: claim.remoteId });
    pipe.start(held, pending.isPaused);
  }
}
