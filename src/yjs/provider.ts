/**
 * The provider: what an application sees of a room.
 *
 * @module
 */

import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { Emitter } from "../client/emitter.ts";
import { type Environment, platform } from "../client/environment.ts";
import type { ClientOptions, PeerClose } from "../client/mod.ts";
import { settle } from "../client/options.ts";
import { callBack } from "../client/socket/callback.ts";
import { Freshness } from "./freshness.ts";
import { Room, type RoomOptions } from "./room.ts";
import { isSame, type SyncStatus, syncStatusOf } from "./sync_status.ts";

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
  /** Whether we have all that the others have. Whoever is alone has. */
  "synced": [isSynced: boolean];
  /** The same. */
  "sync": [isSynced: boolean];
  /** The same in detail, and whether the others have what was changed here. */
  "sync-status": [status: SyncStatus];
  /** The connection to the relay is over: how, or null if it was ended here. */
  "connection-close": [close: PeerClose | null, provider: RelayProvider];
  /** Something went wrong: with the relay, and it will be tried again, or with a peer, who is left out. Nobody has to listen. */
  "connection-error": [error: Error, provider: RelayProvider];
  /** Never told. Editors such as Lexical listen for it. */
  "update": [update: unknown];
  /** Never told. Editors such as Lexical listen for it. */
  "reload": [doc: Y.Doc];
}

/** The connection was lost without a close. */
const NO_CLOSE = 1006;

const EVENTS: readonly string[] = [
  "status",
  "synced",
  "sync",
  "sync-status",
  "connection-close",
  "connection-error",
  "update",
  "reload",
] satisfies (keyof RelayProviderEvents)[];

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
  /** The same, as y-websocket has it. */
  readonly roomname: string;
  /** The base URL of the relay. */
  readonly url: string;
  readonly awareness: Awareness;
  readonly #client: ClientOptions;
  readonly #environment: Environment;
  readonly #freshness: Freshness;
  readonly #ownsAwareness: boolean;
  #current: Room | undefined;
  /** The one before, which may still have something to say. */
  #former: Room | undefined;
  #status: Status = "disconnected";
  #shouldConnect: boolean;
  #isSynced = false;
  #syncStatus: SyncStatus;
  #isDestroyed = false;

  /**
   * Makes a provider, which connects at once. Throws a `TypeError` when an option cannot be used, and for a document that is
   * not of the copy of Yjs that this module imports.
   *
   * @param url The relay, as clients take it.
   * @param room 1 to 512 bytes of UTF-8. Whoever knows it can read and write the document.
   * @param environment Only for tests: another clock, chance and network.
   */
  constructor(
    url: ClientOptions["url"],
    room: string,
    doc: Y.Doc,
    options: RelayProviderOptions = {},
    environment: Environment = platform(),
  ) {
    super(EVENTS as (keyof RelayProviderEvents)[]);
    const { awareness, connect = true, ...client } = options;
    this.doc = checkDoc(doc);
    this.url = settle({ ...client, url, documentIds: [room] }).url;
    this.room = this.roomname = room;
    this.awareness = awareness ?? new Awareness(doc);
    this.#client = { ...client, url };
    this.#environment = environment;
    this.#freshness = new Freshness(environment);
    this.#ownsAwareness = awareness === undefined;
    this.#shouldConnect = connect;
    this.#syncStatus = this.syncStatus;
    doc.on("destroy", this.#hearDestroy);
    doc.on("update", this.#hearUpdate);
    if (connect) this.connect();
  }

  /** Whether we have all that the others have. Whoever is alone has. */
  get synced(): boolean {
    return this.#isSynced;
  }

  /** Whether the relay is there. */
  get status(): Status {
    return this.#status;
  }

  /** Whether the relay is there, as y-websocket has it. */
  get wsconnected(): boolean {
    return this.#status === "connected";
  }

  /** Whether the relay is being looked for, as y-websocket has it. */
  get wsconnecting(): boolean {
    return this.#status === "connecting";
  }

  /** Whether what is lost is connected again. Set to false, it is not. */
  get shouldConnect(): boolean {
    return this.#shouldConnect;
  }

  set shouldConnect(shouldConnect: boolean) {
    this.#shouldConnect = shouldConnect;
    if (!shouldConnect && this.wsconnecting) this.#leave();
  }

  /** How synced we are, in detail. */
  get syncStatus(): SyncStatus {
    return syncStatusOf({ connected: this.wsconnected, synced: this.#isSynced, freshness: this.#freshness });
  }

  /** Calls `listener` at every `event`. Other providers have more events: to listen for one that is not here is no error. */
  override on<Name extends keyof RelayProviderEvents>(event: Name, listener: Listener<Name>): this {
    return EVENTS.includes(event) ? super.on(event, listener) : this;
  }

  /** Like `on`, for the next event only. */
  override once<Name extends keyof RelayProviderEvents>(event: Name, listener: Listener<Name>): this {
    return EVENTS.includes(event) ? super.once(event, listener) : this;
  }

  /** Takes back a listener wherever it was added to this event; without one, all of them. */
  override off<Name extends keyof RelayProviderEvents>(event: Name, listener?: Listener<Name>): this {
    return EVENTS.includes(event) ? super.off(event, listener) : this;
  }

  /** Connects, unless that is so or under way. Needed only after `disconnect()`. */
  connect(): void {
    if (this.#isDestroyed) throw new Error("Cannot connect: want a provider that lives, got one that was destroyed");
    this.#shouldConnect = true;
    if (this.#current !== undefined) return;
    this.#former?.drop(); // the new one tells everybody everything
    this.#current = new Room(this.#roomOptions, {
      reached: () => this.#tell("connected"),
      lost: (code) => this.#lost(code),
      synced: (isSynced) => this.#settled(isSynced),
      progressed: () => this.#tellSyncStatus(),
      failed: (error) => this.emit("connection-error", error, this),
    });
    this.#tell("connecting");
  }

  /**
   * Leaves the room, and stays out of it. For the others, our awareness is gone, and for us theirs. What was changed before
   * still goes out to those who are connected.
   */
  disconnect(): void {
    this.#shouldConnect = false;
    if (this.#current === undefined) return;
    this.#leave();
    this.emit("connection-close", null, this);
  }

  /** Disconnects for good, and ends the awareness if it was made here. The document lives on. */
  destroy(): void {
    this.#isDestroyed = true;
    this.disconnect();
    this.doc.off("destroy", this.#hearDestroy);
    this.doc.off("update", this.#hearUpdate);
    if (!this.#ownsAwareness) return;
    // If a listener of the application throws, y-protocols keeps its timer.
    callBack(() => this.awareness.destroy());
    clearInterval(this.awareness._checkInterval);
  }

  readonly #hearDestroy = (): void => this.destroy();

  readonly #hearUpdate = (_bytes: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    this.#freshness.changed();
    if (this.#current === undefined) this.#tellSyncStatus(); // or else the room does, when it has told the others
  };

  get #roomOptions(): RoomOptions {
    const { awareness, doc, room: name } = this;
    const [client, environment, freshness] = [this.#client, this.#environment, this.#freshness];
    return { name, doc, awareness, origin: this, client, environment, freshness };
  }

  #leave(): void {
    const room = this.#current;
    this.#former = room;
    this.#current = undefined;
    room?.end();
    // A listener may have connected.
    if (this.#current === undefined) this.#tell("disconnected");
  }

  #lost(code?: number): void {
    this.emit("connection-close", code === undefined ? null : closeOf(code), this);
    if (this.#current === undefined) return; // a listener has disconnected
    this.#tell("disconnected");
    if (this.#shouldConnect) this.#tell("connecting"); // the client does that by itself
    else this.#leave();
  }

  #tell(status: Status): void {
    if (status === this.#status) return;
    this.#status = status;
    this.emit("status", { status });
    this.#tellSyncStatus();
  }

  #settled(isSynced: boolean): void {
    this.#isSynced = isSynced;
    this.emit("synced", isSynced);
    this.emit("sync", isSynced);
    this.#tellSyncStatus();
  }

  #tellSyncStatus(): void {
    const status = this.syncStatus;
    if (isSame(status, this.#syncStatus)) return;
    this.#syncStatus = status;
    this.emit("sync-status", status);
  }
}

type Listener<Name extends keyof RelayProviderEvents> = (...values: RelayProviderEvents[Name]) => void;

/** As much of the close event as the client tells. Some platforms have no code for a lost connection, or 0. */
function closeOf(code: number): PeerClose {
  return { code: code || NO_CLOSE, reason: "", wasClean: code !== 0 && code !== NO_CLOSE };
}

/** With a second copy of Yjs in the process, what one of them writes the other does not read. */
function checkDoc(doc: unknown): Y.Doc {
  if (doc instanceof Y.Doc) return doc;
  const isOfAnother = (doc as Partial<Y.Doc> | undefined)?.constructor?.name === "Doc";
  const got = isOfAnother ? "one of another copy: load yjs with import, not require, and install it once" : `${doc}`;
  throw new TypeError(`Cannot share a document: want a Doc of the copy of yjs that the provider imports, got ${got}`);
}
