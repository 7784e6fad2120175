/**
 * The client: what an application sees of a relay.
 *
 * @module
 */

import { Connector } from "./link/connector.ts";
import { Dialer } from "./link/dialer.ts";
import { Emitter } from "./emitter.ts";
import { type Environment, platform } from "./environment.ts";
import { CLIENT_EVENTS, type ClientEvents, type DocumentId, type PeerSocketMap, type UserName } from "./events.ts";
import { IntroductionLink } from "./link/introduction_link.ts";
import { checkJoin, type ClientOptions, type Settings, settle } from "./options.ts";
import type { PeerSocket } from "./peer_socket.ts";
import { Peers } from "./peers.ts";
import { RefusalError } from "./refusal_error.ts";
import { SealedWire } from "./sealed_wire.ts";
import { PlainWire, type Wire } from "./wire.ts";

/**
 * Finds the peers who are interested in the same documents and connects to them, through a relay.
 *
 * It heals by itself: what is lost, the connection to the relay or to a peer, is made again. What was ended on purpose,
 * by a socket's `close()` without a code or with 1000, is not. It connects when it is made, and lives until
 * `disconnectServer()`.
 */
export class Client extends Emitter<ClientEvents> {
  /** Identifies us to other peers. */
  readonly userName: UserName;
  /** The base URL of the relay, with its scheme and without a trailing slash. */
  readonly url: string;
  /** The documents we are interested in. Changes by `join()` and `leave()` only. */
  readonly documentIds: Set<DocumentId> = new Set();
  readonly #dialer: Dialer;
  readonly #link: IntroductionLink;
  readonly #peers: Peers;
  readonly #wire: Wire;
  /** Events that are told at the end of the turn. */
  readonly #due: (() => void)[] = [];

  /**
   * Makes a client, which connects at once. Throws a `TypeError` when an option cannot be used.
   *
   * @param environment Only for tests: another clock, chance and network.
   */
  constructor(options: ClientOptions, environment: Environment = platform()) {
    super(CLIENT_EVENTS);
    const settings = settle(options);
    this.userName = settings.userName;
    this.url = settings.url;
    this.#wire = makeWire(settings, environment);
    this.#dialer = new Dialer({ ...settings, environment });
    this.#link = this.#makeLink(settings, environment);
    this.#peers = this.#makePeers(settings, environment);
    this.connectToServer();
    for (const documentId of settings.documentIds) this.join(documentId);
  }

  /**
   * The peers we are connected to, or about to be: their sockets by user name and document. With a secret, a peer's name is
   * not known before the first connection.
   */
  get peers(): Map<UserName, PeerSocketMap> {
    return this.#peers.sockets;
  }

  /** How many connections to peers are being made, known by name or not. */
  get pending(): number {
    return this.#peers.pending;
  }

  /** Whether the relay can be talked to at this moment. */
  get open(): boolean {
    return this.#link.isOpen;
  }

  /** Milliseconds to wait at most when the relay is lost the next time. The wait itself is drawn at random. */
  get retryDelay(): number {
    return this.#link.retryDelay;
  }

  /** Connects to the relay at once, unless it is connected or connecting. Needed only after `disconnectServer()`. */
  connectToServer(): this {
    this.#link.connect();
    return this;
  }

  /**
   * Takes an interest in a document: everyone else who has it will be connected to us. Joining again asks to be
   * introduced again, and takes back `disconnectPeer()` for this document.
   *
   * Throws a `TypeError` for an id that is empty or longer than 512 bytes, or the 10,001st document.
   */
  join(documentId: DocumentId): this {
    checkJoin(this.documentIds, documentId);
    this.documentIds.add(documentId);
    this.#peers.welcome(documentId);
    this.#seek([documentId]);
    return this;
  }

  /** Loses interest in a document, and closes all connections about it. */
  leave(documentId: DocumentId): this {
    if (!this.documentIds.delete(documentId)) return this;
    this.#peers.leave(documentId);
    if (this.#link.isOpen) this.#link.leave(this.#wire.documentId(documentId));
    this.#wire.forget(documentId);
    return this;
  }

  /**
   * Closes all connections to a peer, or to all peers, those included that are being made. Nothing but `join()` or
   * `connectToServer()` brings them back, whatever the peer does. A peer to whom there is none (see `has()`) stays free to
   * come.
   */
  disconnectPeer(userName?: UserName): this {
    this.#peers.refuse(userName);
    return this;
  }

  /**
   * Closes everything and stops all attempts to reconnect. Documents and listeners stay, for `connectToServer()`.
   */
  disconnectServer(): this {
    this.#peers.leaveAll();
    this.#link.disconnect();
    return this;
  }

  /** Disconnects from the relay and resolves when all sockets have closed, or could not be closed in 5 seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnectServer();
    await this.#dialer.closed();
  }

  /** Whether there is a connection to a peer, about this document or about any, or one is being made. */
  has(userName: UserName, documentId?: DocumentId): boolean {
    const sockets = this.peers.get(userName);
    return documentId === undefined ? (sockets?.size ?? 0) > 0 : sockets?.has(documentId) ?? false;
  }

  /** The connections to a peer, by document. */
  get(userName: UserName): PeerSocketMap;
  /** The connection to a peer about a document: null while it is being made, undefined if there is none. */
  get(userName: UserName, documentId: DocumentId): PeerSocket | null | undefined;
  get(userName: UserName, documentId?: DocumentId): PeerSocketMap | PeerSocket | null | undefined {
    const sockets = this.peers.get(userName) ?? new Map<DocumentId, PeerSocket | null>();
    return documentId === undefined ? sockets : sockets.get(documentId);
  }

  #makeLink({ backoff, multiplex }: Settings, environment: Environment): IntroductionLink {
    const options = { path: this.#wire.introductionPath, backoff, multiplex, environment, dialer: this.#dialer };
    return new IntroductionLink(options, {
      opened: () => {
        this.#seek(this.documentIds);
        this.emit("server.connect");
      },
      closed: (code) => this.#emitSoon("server.disconnect", code),
      introduced: (remoteId, wireIds) => this.#introduced(remoteId, wireIds),
      refused: (wireIds, reason) => this.emit("error", new RefusalError(wireIds.map((id) => this.#nameOf(id)), reason)),
      permitted: (wireIds) => this.#seek(this.#documentsOf(wireIds)),
      failed: (error) => this.emit("error", error),
    });
  }

  #makePeers({ backoff, url }: Settings, environment: Environment): Peers {
    const connector = new Connector({ url, dialer: this.#dialer, session: () => this.#link.session });
    return new Peers({ backoff, environment, connector, wire: this.#wire }, {
      connected: (event) => {
        // The end of the last connection, which comes before the next one.
        this.#emitDue();
        this.emit("peer.connect", event);
      },
      disconnected: (event) => this.#emitSoon("peer.disconnect", event),
      lost: (documentId) => this.#seek([documentId]),
      failed: (error) => this.emit("error", error),
    });
  }

  #seek(documentIds: Iterable<DocumentId>): void {
    if (this.#link.isOpen) this.#link.join([...documentIds].map((id) => this.#wire.documentId(id)));
    this.#peers.sought(documentIds);
  }

  #introduced(remoteId: string, wireIds: readonly string[]): void {
    for (const documentId of this.#documentsOf(wireIds)) this.#peers.introduced(remoteId, documentId);
  }

  /** Those of them that we are interested in: we may have left while the relay's word was on its way. */
  #documentsOf(wireIds: readonly string[]): DocumentId[] {
    const documentIds = wireIds.map((id) => this.#wire.documentOf(id));
    return documentIds.filter((id) => id !== undefined && this.documentIds.has(id)) as DocumentId[];
  }

  #nameOf(wireId: string): DocumentId {
    return this.#wire.documentOf(wireId) ?? wireId;
  }

  /** Whoever ends something can still listen for its end in the same turn. */
  #emitSoon<Name extends keyof ClientEvents>(event: Name, ...values: ClientEvents[Name]): void {
    if (this.#due.push(() => this.emit(event, ...values)) === 1) queueMicrotask(() => this.#emitDue());
  }

  #emitDue(): void {
    for (let emit = this.#due.shift(); emit !== undefined; emit = this.#due.shift()) emit();
  }
}

function makeWire({ secret, userName }: Settings, environment: Environment): Wire {
  return secret === undefined ? new PlainWire(userName) : new SealedWire(secret, userName, environment);
}
