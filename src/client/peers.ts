/**
 * All peers we are connected to, or want to be.
 *
 * @module
 */

import type { DocumentId, PeerEvent, PeerSocketMap, UserName } from "./events.ts";
import { PeerLink, type PeerLinkListener, type PeerLinkOptions } from "./link/peer_link.ts";
import type { PeerSocket } from "./peer_socket.ts";
import type { Conversation } from "./wire.ts";

/** Who hears what happens to peers. */
export interface PeersListener {
  connected(event: PeerEvent): void;
  disconnected(event: PeerEvent): void;
  /** A connection about this document was lost. */
  lost(documentId: DocumentId): void;
  failed(error: Error): void;
}

/** Keeps one link for each peer and document. */
export class Peers {
  /** The sockets, for the application to look at. */
  readonly sockets = new Map<UserName, PeerSocketMap>();
  /** By what the relay calls the peer: who it is may be known only when there is a connection. */
  readonly #links = new Map<DocumentId, Map<string, PeerLink>>();
  readonly #pending = new Set<PeerLinkListener>();
  readonly #options: PeerLinkOptions;
  readonly #listener: PeersListener;

  constructor(options: PeerLinkOptions, listener: PeersListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Connections that are being made. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The relay says that the peer that it calls so is there, and interested in this document. */
  introduced(remoteId: string, documentId: DocumentId): void {
    if (remoteId === this.#options.wire.localId) return;
    (this.#links.get(documentId)?.get(remoteId) ?? this.#add(remoteId, documentId)).introduced();
  }

  /** The relay was asked for introductions to everyone interested in these documents. */
  sought(documentIds: Iterable<DocumentId>): void {
    for (const documentId of documentIds) this.#linksOf(documentId).forEach((link) => link.sought());
  }

  /** The application is interested in a document, again or for the first time: nobody there is refused any more. */
  welcome(documentId: DocumentId): void {
    for (const [remoteId, link] of this.#linksOf(documentId)) {
      if (link.isRefused) this.#forget(remoteId, documentId);
    }
  }

  /** Ends all connections to one peer, or to all, and refuses to have them back until the documents are joined again. */
  refuse(userName?: UserName): void {
    for (const links of this.#links.values()) {
      for (const [remoteId, link] of links) {
        if (userName === undefined || remoteId === this.#options.wire.userId(userName)) link.refuse();
      }
    }
  }

  /** Ends all connections about a document. */
  leave(documentId: DocumentId): void {
    this.#linksOf(documentId).forEach((link) => link.drop());
    this.#links.delete(documentId);
  }

  /** Ends all connections. */
  leaveAll(): void {
    for (const documentId of this.#links.keys()) this.leave(documentId);
  }

  #add(remoteId: string, documentId: DocumentId): PeerLink {
    const { wire } = this.#options;
    const conversation = { localId: wire.localId, remoteId, documentId: wire.documentId(documentId) };
    const link = new PeerLink(conversation, this.#options, this.#hear(conversation, documentId));
    if (!this.#links.has(documentId)) this.#links.set(documentId, new Map());
    this.#linksOf(documentId).set(remoteId, link);
    return link;
  }

  #hear(conversation: Conversation, documentId: DocumentId): PeerLinkListener {
    let userName = this.#options.wire.nameOf(conversation);
    const listener: PeerLinkListener = {
      connecting: () => {
        this.#pending.add(listener);
        if (userName !== undefined) this.#show(userName, documentId, null);
      },
      connected: (socket) => {
        this.#pending.delete(listener);
        userName = this.#options.wire.nameOf(conversation, socket)!;
        this.#show(userName, documentId, socket);
        this.#listener.connected({ userName, documentId, socket });
      },
      disconnected: (socket) => {
        this.#pending.delete(listener);
        if (userName !== undefined) this.#hide(userName, documentId);
        if (socket !== undefined) this.#listener.disconnected({ userName: userName!, documentId, socket });
      },
      lost: () => this.#listener.lost(documentId),
      idle: () => this.#forget(conversation.remoteId, documentId),
      failed: (error) => this.#listener.failed(error),
    };
    return listener;
  }

  #forget(remoteId: string, documentId: DocumentId): void {
    const links = this.#linksOf(documentId);
    links.delete(remoteId);
    if (links.size === 0) this.#links.delete(documentId);
  }

  #linksOf(documentId: DocumentId): Map<string, PeerLink> {
    return this.#links.get(documentId) ?? new Map();
  }

  #show(userName: UserName, documentId: DocumentId, socket: PeerSocket | null): void {
    if (!this.sockets.has(userName)) this.sockets.set(userName, new Map());
    this.sockets.get(userName)!.set(documentId, socket);
  }

  #hide(userName: UserName, documentId: DocumentId): void {
    const sockets = this.sockets.get(userName);
    sockets?.delete(documentId);
    if (sockets?.size === 0) this.sockets.delete(userName);
  }
}
