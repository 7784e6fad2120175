/**
 * The provider: what an application sees of a room.
 *
 * @module
 */

import { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { Emitter } from "../client/emitter.ts";
import { type Environment, platform } from "../client/environment.ts";
import type { ClientOptions } from "../client/mod.ts";
import { settle } from "../client/options.ts";
import { Room } from "./room.ts";

/** Whether the relay is there. */
export type Status = "connecting" | "connected" | "disconnected";

/** How a provider is made: like a client, and: */
export interface RelayProviderOptions extends Omit<ClientOptions, "url" | "documentIds"> {
  /** False to wait for `connect()`. */
  connect?: boolean;
  /** Awareness to share, which then lives longer than the provider. One of its own if left out. */
  awareness?: Awareness;
}

/** The events of a provider, with what their listeners are called with: those of y-websocket. */
export interface RelayProviderEvents {
  /** Whether the relay is there. */
  "status": [event: { status: Status }];
  /** Whether we have all that the others have. Never true while nobody else is there. */
  "synced": [isSynced: boolean];
  /** The same. */
  "sync": [isSynced: boolean];
  /** Something went wrong: with the relay, and it will be tried again, or with a peer, who is left out. Nobody has to listen. */
  "connection-error": [error: Error, provider: RelayProvider];
  /** Never told. Editors such as Lexical listen for it. */
  "update": [update: unknown];
  /** Never told. Editors such as Lexical listen for it. */
  "reload": [doc: Y.Doc];
}

const EVENTS = [
  "status",
  "synced",
  "sync",
  "connection-error",
  "update",
  "reload",
] as const satisfies readonly (keyof RelayProviderEvents)[];

/**
 * Shares a document and its awareness with everyone who has the same room open at the same relay, peer to peer.
 *
 * It connects when it is made, heals by itself, and lives until `destroy()` or until the document is destroyed. Changes
 * that come from peers have the provider as their origin.
 */
export class RelayProvider extends Emitter<RelayProviderEvents> {
  readonly doc: Y.Doc;
  /** The room's name, which the relay knows as a document id. */
  readonly room: string;
  /** The base URL of the relay. */
  readonly url: string;
  readonly awareness: Awareness;
  readonly #client: ClientOptions;
  readonly #environment: Environment;
  readonly #ownsAwareness: boolean;
  #current: Room | undefined;
  #status: Status = "disconnected";
  #isSynced = false;
  #isDestroyed = false;

  /**
   * Makes a provider, which connects at once. Throws a `TypeError` when an option cannot be used.
   *
   * @param url The relay, as clients take it.
   * @param room 1 to 512 bytes of UTF-8. Whoever knows it can read and write the document.
   * @param environment Only for tests: another clock, chance and network.
   */
  constructor(
    url: string | URL,
    room: string,
    doc: Y.Doc,
    options: RelayProviderOptions = {},
    environment: Environment = platform(),
  ) {
    super(EVENTS);
    const { awareness, connect = true, ...client } = options;
    this.url = settle({ ...client, url, documentIds: [room] }).url;
    this.doc = doc;
    this.room = room;
    this.awareness = awareness ?? new Awareness(doc);
    this.#client = { ...client, url };
    this.#environment = environment;
    this.#ownsAwareness = awareness === undefined;
    doc.on("destroy", this.#hearDestroy);
    if (connect) this.connect();
  }

  /** Whether we have all that the others have. Never true while nobody else is there. */
  get synced(): boolean {
    return this.#isSynced;
  }

  /** Whether the relay is there. */
  get status(): Status {
    return this.#status;
  }

  /** Connects, unless that is so or under way. Needed only after `disconnect()`. */
  connect(): void {
    if (this.#isDestroyed) throw new Error("Cannot connect: want a provider that lives, got one that was destroyed");
    if (this.#current !== undefined) return;
    this.#tell("connecting");
    const options = { name: this.room, doc: this.doc, awareness: this.awareness, origin: this };
    this.#current = new Room({ ...options, client: this.#client, environment: this.#environment }, {
      reached: (isThere) => isThere ? this.#tell("connected") : this.#lost(),
      synced: (isSynced) => this.#settled(isSynced),
      failed: (error) => this.emit("connection-error", error, this),
    });
  }

  /** Leaves the room, and stays out of it. For the others, our awareness is gone, and for us theirs. */
  disconnect(): void {
    this.#current?.end();
    this.#current = undefined;
    this.#tell("disconnected");
  }

  /** Disconnects for good, and ends the awareness if it was made here. The document lives on. */
  destroy(): void {
    this.#isDestroyed = true;
    this.disconnect();
    this.doc.off("destroy", this.#hearDestroy);
    if (this.#ownsAwareness) this.awareness.destroy();
  }

  readonly #hearDestroy = (): void => this.destroy();

  #lost(): void {
    this.#tell("disconnected");
    this.#tell("connecting"); // the client does that by itself
  }

  #tell(status: Status): void {
    if (status === this.#status) return;
    this.#status = status;
    this.emit("status", { status });
  }

  #settled(isSynced: boolean): void {
    this.#isSynced = isSynced;
    this.emit("synced", isSynced);
    this.emit("sync", isSynced);
  }
}
