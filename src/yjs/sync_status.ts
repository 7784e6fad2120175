/**
 * How synced a provider is, in the words of y-websocket.
 *
 * @module
 */

import type { Freshness } from "./freshness.ts";

/** Told by `sync-status`, when anything but the ages changes. */
export interface SyncStatus {
  /** The relay is there. */
  readonly connected: boolean;
  /** We have all that the others have. */
  readonly receivedInitialSync: boolean;
  /** Everybody who is there was told all that was changed here. Of what is changed while nobody is there, nobody was. */
  readonly localUpdatesSynced: boolean;
  /** Milliseconds since the oldest change that they were not told; 0 if there is none. */
  readonly localUpdatesAge: number;
  /** Milliseconds since we have heard of the relay or a peer. */
  readonly lastMessageAge: number;
  /** Red without the relay, green when all of the above hold, yellow else. */
  readonly status: "green" | "yellow" | "red";
}

/** What a status is made of. */
export interface SyncFacts {
  readonly connected: boolean;
  readonly synced: boolean;
  readonly freshness: Freshness;
}

/** Puts them together. */
export function syncStatusOf({ connected, synced, freshness }: SyncFacts): SyncStatus {
  const { isTold, lastMessageAge, localUpdatesAge } = freshness;
  return {
    connected,
    receivedInitialSync: synced,
    localUpdatesSynced: isTold,
    localUpdatesAge,
    lastMessageAge,
    status: !connected ? "red" : synced && isTold ? "green" : "yellow",
  };
}

/** Whether nothing has changed between them but time. */
export function isSame(one: SyncStatus, other: SyncStatus): boolean {
  return one.status === other.status && one.receivedInitialSync === other.receivedInitialSync &&
    one.localUpdatesSynced === other.localUpdatesSynced;
}
