/**
 * What the services of this instance need from other instances, and what an instance that is alone answers.
 *
 * @module
 */

import type { ConnectionKey } from "../core/connection_key.ts";
import type { Steps } from "../core/scheduling/work_scheduler.ts";
import type { Announcer } from "../discovery/announcer.ts";
import type { Matchmaker } from "../pairing/matchmaker.ts";
import type { PeerSocket } from "../transport/transport.ts";

/** What other instances ask of discovery and pairing here. */
export interface LocalServices {
  /** Introduces a peer of another instance to the one here that is called `listenerId`. */
  introduce(listenerId: string, peerId: string, documentIds: readonly string[]): Steps;
  /** Charges a peer here with microseconds of work that was done, here or elsewhere, on its behalf. */
  charge(peerId: string, work: number): void;
  /** Reminds the peer that a pending connection on another instance waits for, if that peer is here. */
  remind(waiting: ConnectionKey): void;
  /** Pairs the pending connection `key` with a socket of another instance. False: it is not pending any more. */
  joinRemote(key: ConnectionKey, socket: PeerSocket): boolean;
  /** Ends the connection `key`: a newer one has come to another instance. */
  supersede(key: ConnectionKey): void;
  /** Another instance knows the peer that `key` waits for; or, if `isThere` is false, only the peer that waits. */
  sighted(key: ConnectionKey, isThere: boolean): void;
}

/** The part of the status about other instances. */
export interface BackplaneStatus {
  readonly connected: boolean;
  /** Pairs whose other side is on another instance. */
  readonly remotePairs: number;
}

/** The way to other instances. */
export interface Backplane extends Announcer, Matchmaker {
  /** Undefined when there are no others. */
  readonly status?: BackplaneStatus;
  /** Connects. Rejects with a `BackplaneError` when the bus refuses; tries again while it cannot be reached. */
  open(services: LocalServices): Promise<void>;
  /** Sends what is left to send, and disconnects. */
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
  answerDueMs: () => 0,
  remind() {},
  open: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
