/**
 * What the rooms need from other instances, and the answer of an instance that is alone.
 *
 * @module
 */

import type { ConnectionKey } from "../core/connection_key.ts";
import type { Steps } from "../core/work_scheduler.ts";
import type { Announcer } from "../discovery/announcer.ts";
import type { Matchmaker } from "../pairing/matchmaker.ts";
import type { PeerSocket } from "../transport/transport.ts";

/** What other instances ask of the rooms. */
export interface Rooms {
  /** Introduces a peer of another instance to the one here that is called `listenerId`. */
  introduce(listenerId: string, peerId: string, documentIds: readonly string[]): Steps;
  /** Charges a peer here with microseconds of work that was done, here or elsewhere, on its behalf. */
  charge(peerId: string, work: number): void;
  /** Tells the counterpart of a pending connection on another instance, if it is here, that it is waited for. */
  remind(waiting: ConnectionKey): void;
  /** Joins the other side of `claim`, which waits here, with a socket of another instance. False: it waits no more. */
  joinRemote(claim: ConnectionKey, socket: PeerSocket): boolean;
  /** Ends the connection of this side: a newer one has come to another instance. */
  supersede(claim: ConnectionKey): void;
  /** The peer that `claim` waits for is on another instance and interested; or, if `isThere` is false, only its own is. */
  sighted(claim: ConnectionKey, isThere: boolean): void;
}

/** How an instance stands among the others. */
export interface BackplaneStatus {
  readonly connected: boolean;
  /** Pairs whose other half is on another instance. */
  readonly remotePairs: number;
}

/** The way to other instances. */
export interface Backplane extends Announcer, Matchmaker {
  /** None: there are no others. */
  readonly status?: BackplaneStatus;
  /** Connects. Rejects with a {@link BackplaneError} when it is refused; who cannot be reached yet is asked again. */
  open(rooms: Rooms): Promise<void>;
  /** Says what is left to say, and hangs up. */
  close(): Promise<void>;
}

/** One instance, in memory. */
export const ALONE: Backplane = {
  added() {},
  removed() {},
  joined: () => 0,
  came() {},
  paired() {},
  went() {},
  lingerMs: () => 0,
  remind() {},
  open: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
