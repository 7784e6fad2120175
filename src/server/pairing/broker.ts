/**
 * Holds the first of two reciprocal connections, bounded and expiring, and joins it with the second.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import type { Matchmaker } from "./matchmaker.ts";
import type { Logger } from "../core/log.ts";
import { type PairSummary, Pipe, type PipeOptions } from "./pipe.ts";
import { Seeker, type SeekerOptions } from "./pending_connection.ts";
import { type Claim, keyOf, reverse } from "../core/connection_key.ts";
import { SettlingSocket } from "./settling_socket.ts";
import type { PeerSocket } from "../transport/transport.ts";

/** What a broker needs: what its seekers and pipes need, and a log. */
export interface BrokerOptions extends SeekerOptions, Omit<PipeOptions, "ended"> {
  readonly backplane: Matchmaker;
  readonly log: Logger;
}

/** A connection that is one half of a pair. */
interface Half {
  readonly socket: PeerSocket;
  readonly pipe: Pipe;
}

/** What a seeker is joined with. */
interface Counterpart {
  readonly claim: Claim;
  readonly socket: PeerSocket;
  /** Those of the two that other instances know as connections of this one. */
  readonly leaves: readonly Claim[];
}

/** Pairs reciprocal connections. */
export class Broker {
  readonly #seekers = new Map<string, Seeker>();
  readonly #halves = new Map<string, Half>();
  readonly #options: BrokerOptions;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** How much is held and piped. */
  get counts(): { seekers: number; pairs: number } {
    return { seekers: this.#seekers.size, pairs: this.#halves.size / 2 };
  }

  /** Takes over a connection socket: it replaces an older one of the same side, then is joined or held. */
  welcome(requested: Claim, newcomer: PeerSocket): void {
    const socket = new SettlingSocket(newcomer, this.#options.clock);
    // Whoever takes another's place is the newer one for other instances, too, also if it was asked for earlier.
    const claim = this.supersede(requested) ? { ...requested, requestedAt: undefined } : requested;
    const counterpart = this.#seekers.get(keyOf(reverse(claim)));
    if (counterpart === undefined) return this.#hold(claim, socket);
    this.#options.backplane.came(claim, false);
    this.#join(counterpart, { claim, socket, leaves: [counterpart.claim, claim] });
  }

  /** Joins a seeker with its other side, which is on another instance. False: it does not wait any more. */
  joinRemote(claim: Claim, socket: PeerSocket): boolean {
    const seeker = this.#seekers.get(keyOf(claim));
    if (seeker !== undefined) this.#join(seeker, { claim: reverse(claim), socket, leaves: [claim] });
    return seeker !== undefined;
  }

  /** Ends the connection of this side: a newer one has come. Says whether there was one. */
  supersede(claim: Claim): boolean {
    const key = keyOf(claim);
    const [seeker, half] = [this.#seekers.get(key), this.#halves.get(key)];
    seeker?.close(CLOSE.superseded);
    half?.pipe.close(half.socket, CLOSE.superseded, CLOSE.peerLost);
    return seeker !== undefined || half !== undefined;
  }

  /** Another instance knows the peer that a seeker waits for, or, if `isThere` is false, the seeker's own. */
  sighted(claim: Claim, isThere: boolean): void {
    this.#seekers.get(keyOf(claim))?.sighted(isThere);
  }

  /** The sockets of all seekers and pairs, for the drain. */
  *sockets(): Iterable<PeerSocket> {
    for (const { socket } of this.#seekers.values()) yield socket;
    for (const { socket } of this.#halves.values()) yield socket;
  }

  #hold(claim: Claim, socket: PeerSocket): void {
    const key = keyOf(claim);
    const left = (isJoined: boolean) => {
      this.#seekers.delete(key);
      if (!isJoined) this.#options.backplane.went(claim);
    };
    this.#seekers.set(key, new Seeker(claim, socket, this.#options, left));
    this.#options.backplane.came(claim, true);
    this.#options.log.debug("holding {local} for {remote}", { local: claim.localId, remote: claim.remoteId });
  }

  #join(seeker: Seeker, { claim, socket, leaves }: Counterpart): void {
    const keys = [keyOf(seeker.claim), keyOf(claim)];
    const held = seeker.handOver();
    this.#options.backplane.paired(seeker.claim);
    const ended = (summary: PairSummary) => {
      for (const key of keys) this.#halves.delete(key);
      for (const left of leaves) this.#options.backplane.went(left);
      this.#options.log.info("a pair ended: {why}", { ...summary });
    };
    this.#options.counters.pairsMade += 1;
    const pipe = new Pipe(seeker.socket, socket, { ...this.#options, ended });
    // Before the first frame: it may already end the pair.
    this.#halves.set(keys[0], { socket: seeker.socket, pipe });
    this.#halves.set(keys[1], { socket, pipe });
    this.#options.log.debug("paired {local} with {remote}", { local: claim.localId, remote: claim.remoteId });
    pipe.start(held, seeker.isPaused);
  }
}
