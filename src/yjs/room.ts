/**
 * A room while we are in it: the document, the awareness, and all peers that have the room open, too.
 *
 * @module
 */

import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import type { Environment } from "../client/environment.ts";
import { Client, type ClientOptions, type PeerEvent } from "../client/mod.ts";
import { callBack } from "../client/socket/callback.ts";
import { Flush } from "../flush.ts";
import { Agreement } from "./agreement.ts";
import type { Freshness } from "./freshness.ts";
import { Peer, type Shared } from "./peer.ts";
import { type AwarenessChange, Presence } from "./presence.ts";

/** What a room is made of. */
export interface RoomOptions {
  readonly name: string;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  /** What changes that come from peers are marked with. */
  readonly origin: object;
  readonly client: ClientOptions;
  readonly environment: Environment;
  /** Is told whom we hear, and when they have heard us. */
  readonly freshness: Freshness;
}

/** Who hears what happens. */
export interface RoomListener {
  /** The relay is there. */
  reached(): void;
  /** The relay is out of reach: the close code, unless we have hung up ourselves to dial anew. */
  lost(code?: number): void;
  /** We have all that the others have, or nobody is there any more who could tell. */
  synced(isSynced: boolean): void;
  /** Something that `freshness` tells has changed. */
  progressed(): void;
  failed(error: Error): void;
}

/** Connects in its constructor, and lives until `end()`. */
export class Room {
  readonly #options: RoomOptions;
  readonly #listener: RoomListener;
  readonly #shared: Shared;
  readonly #client: Client;
  readonly #agreement: Agreement;
  readonly #peers = new Map<string, Peer>();
  #flush: Flush | undefined;

  constructor(options: RoomOptions, listener: RoomListener) {
    const { awareness, client, doc, environment, name, origin } = options;
    this.#options = options;
    this.#listener = listener;
    this.#shared = { doc, origin, environment, presence: Presence.of(awareness) };
    this.#client = this.#connect({ ...client, documentIds: [name] });
    this.#agreement = this.#agree();
    doc.on("update", this.#hearUpdate);
    awareness.on("update", this.#hearAwareness);
  }

  /** Leaves. What follows from that is told at once, and then nothing any more. What peers still have to hear goes out. */
  end(): void {
    const { awareness, doc, environment } = this.#options;
    doc.off("update", this.#hearUpdate);
    awareness.off("update", this.#hearAwareness);
    this.#client.off("server.connect").off("server.disconnect").off("peer.connect").off("peer.disconnect").off("error");
    const peers = [...this.#peers.values()];
    for (const peer of peers) this.#forget(peer);
    this.#agreement.reached(false);
    this.#flush = new Flush(this.#client, peers, environment);
  }

  /** Ends for good, after `end()`: what has not gone out is lost. */
  drop(): void {
    this.#flush?.stop();
  }

  readonly #hearUpdate = (bytes: Uint8Array, origin: unknown, _doc: Y.Doc, { beforeState }: Y.Transaction): void => {
    const isPassedOn = origin === this.#options.origin;
    for (const peer of this.#peers.values()) peer.changed({ bytes, before: beforeState, isPassedOn });
    this.#progressed();
  };

  readonly #hearAwareness = ({ added, updated, removed }: AwarenessChange, origin: unknown): void => {
    const { presence } = this.#shared;
    if (presence.isTold(origin)) return;
    if (removed.length > 0 && typeof origin === "object" && origin !== null) {
      queueMicrotask(() => presence.restore(removed, this.#options.origin));
    }
    const update = presence.encode([...added, ...updated, ...removed]);
    if (update !== undefined) this.#peers.forEach((peer) => peer.awarenessChanged(update));
  };

  #connect(options: ClientOptions): Client {
    return new Client(options, this.#options.environment)
      .on("server.connect", () => this.#reached())
      .on("server.disconnect", (code) => this.#lost(code))
      .on("peer.connect", (event) => this.#add(event))
      .on("peer.disconnect", ({ userName }) => this.#remove(userName))
      .on("error", (error) => this.#listener.failed(error));
  }

  #agree(): Agreement {
    const [client, peers, { environment }] = [this.#client, this.#peers, this.#options];
    const company = {
      userName: client.userName,
      get partners() {
        return peers.values();
      },
      get isExpected() {
        return client.pending > 0;
      },
    };
    return new Agreement(company, environment, {
      synced: (isSynced) => this.#listener.synced(isSynced),
      announce: () => this.#peers.forEach((peer) => peer.announce()),
    });
  }

  #reached(): void {
    this.#options.freshness.heard();
    this.#listener.reached();
    this.#agreement.reached(true);
  }

  #lost(code?: number): void {
    this.#listener.lost(code);
    this.#agreement.reached(false);
  }

  #add({ userName, socket }: PeerEvent): void {
    const peer = new Peer(userName, socket, this.#shared, {
      heard: () => this.#options.freshness.heard(),
      progressed: () => this.#progressed(),
      failed: (error) => this.#refuse(userName, error),
      puzzled: (error) => this.#listener.failed(error),
    });
    this.#peers.set(userName, peer);
    if (this.#agreement.isAnnounced) peer.announce();
  }

  #remove(userName: string): void {
    const peer = this.#peers.get(userName);
    if (peer !== undefined) this.#forget(peer);
    this.#progressed();
  }

  #forget(peer: Peer): void {
    peer.end();
    this.#peers.delete(peer.userName);
    // A listener of the application may throw.
    callBack(() => this.#shared.presence.forget(peer, this.#options.origin));
  }

  #refuse(userName: string, cause: Error): void {
    this.#client.disconnectPeer(userName);
    this.#listener.failed(
      new Error(`Cannot follow ${userName}, who is left out from now on: ${cause.message}`, { cause }),
    );
  }

  #progressed(): void {
    const asking = [...this.#peers.values()].filter(({ hasAsked }) => hasAsked);
    if (asking.length > 0 && asking.every(({ waiting }) => waiting === 0)) this.#options.freshness.told();
    this.#agreement.check();
    this.#flush?.check();
    this.#listener.progressed();
  }
}
