/**
 * A room while we are in it: the document, the awareness, and all peers that have the room open, too.
 *
 * @module
 */

import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { Environment } from "../client/environment.ts";
import { Client, type ClientOptions, type PeerEvent } from "../client/mod.ts";
import { Peer, type Shared } from "./peer.ts";
import { type AwarenessChange, Presence } from "./presence.ts";

/** What a room is made of. */
export interface RoomOptions {
  readonly name: string;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  /** What changes that come from peers are marked with. */
  readonly origin: unknown;
  readonly client: ClientOptions;
  readonly environment: Environment;
}

/** Who hears what happens. */
export interface RoomListener {
  /** The relay is there, or out of reach. */
  reached(isThere: boolean): void;
  /** We have all that the others have, or nobody is there any more who has told us all. */
  synced(isSynced: boolean): void;
  failed(error: Error): void;
}

/** Connects in its constructor, and lives until `end()`. */
export class Room {
  readonly #options: RoomOptions;
  readonly #listener: RoomListener;
  readonly #shared: Shared;
  readonly #client: Client;
  readonly #peers = new Map<string, Peer>();
  #isSynced = false;

  constructor(options: RoomOptions, listener: RoomListener) {
    const { awareness, client, doc, environment, name, origin } = options;
    this.#options = options;
    this.#listener = listener;
    this.#shared = { doc, origin, environment, presence: new Presence(awareness, origin) };
    this.#client = new Client({ ...client, documentIds: [name] }, environment)
      .on("server.connect", () => listener.reached(true))
      .on("server.disconnect", () => listener.reached(false))
      .on("peer.connect", (event) => this.#add(event))
      .on("peer.disconnect", ({ userName }) => this.#remove(userName))
      .on("error", (error) => listener.failed(error));
    doc.on("update", this.#hearUpdate);
    awareness.on("update", this.#hearAwareness);
  }

  /** Leaves. What follows from that is told at once, and then nothing any more. */
  end(): void {
    const { awareness, doc } = this.#options;
    doc.off("update", this.#hearUpdate);
    awareness.off("update", this.#hearAwareness);
    this.#client.off("peer.disconnect").off("server.disconnect").disconnectServer();
    for (const userName of this.#peers.keys()) this.#remove(userName);
  }

  readonly #hearUpdate = (bytes: Uint8Array, origin: unknown, _doc: Y.Doc, { beforeState }: Y.Transaction): void => {
    const isPassedOn = origin === this.#options.origin;
    for (const peer of this.#peers.values()) peer.changed({ bytes, before: beforeState, isPassedOn });
  };

  readonly #hearAwareness = ({ added, updated, removed }: AwarenessChange, origin: unknown): void => {
    if (origin === this.#options.origin) return;
    const update = this.#shared.presence.encode([...added, ...updated, ...removed]);
    if (update !== undefined) this.#peers.forEach((peer) => peer.awarenessChanged(update));
  };

  #add({ userName, socket }: PeerEvent): void {
    const peer = new Peer(userName, socket, this.#shared, {
      progressed: () => this.#settle(),
      failed: (error) => this.#refuse(userName, error),
    });
    this.#peers.set(userName, peer);
  }

  #remove(userName: string): void {
    this.#peers.get(userName)?.end();
    this.#peers.delete(userName);
    this.#shared.presence.forget(userName);
    this.#settle();
  }

  #refuse(userName: string, cause: Error): void {
    this.#client.disconnectPeer(userName);
    this.#listener.failed(
      new Error(`Cannot follow ${userName}, who is left out from now on: ${cause.message}`, { cause }),
    );
  }

  /** Newcomers do not make us less synced, and whoever is silent is not waited for. */
  #settle(): void {
    const peers = [...this.#peers.values()];
    const hasAll = this.#isSynced || peers.every((peer) => peer.isSynced || peer.isSilent);
    const isSynced = hasAll && peers.some((peer) => peer.isSynced);
    if (isSynced === this.#isSynced) return;
    this.#isSynced = isSynced;
    this.#listener.synced(isSynced);
  }
}
