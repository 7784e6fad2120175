/**
 * All peers we are connected to, or want to be.
 *
 * @module
 */

import type { DocumentId, PeerEvent, PeerSocketMap, UserName } from "./events.ts";
import { type Conversation, PeerLink, type PeerLinkListener, type PeerLinkOptions } from "./peer_link.ts";
import type { PeerSocket } from "./peer_socket.ts";

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
  readonly #links = new Map<DocumentId, Map<UserName, PeerLink>>();
  readonly #localId: UserName;
  readonly #options: PeerLinkOptions;
  readonly #listener: PeersListener;

  constructor(localId: UserName, options: PeerLinkOptions, listener: PeersListener) {
    this.#localId = localId;
    this.#options = options;
    this.#listener = listener;
  }

  /** The relay says that this peer is there, and interested in this document. */
  introduced(userName: UserName, documentId: DocumentId): void {
    if (userName === this.#localId) return;
    (this.#links.get(documentId)?.get(userName) ?? this.#add(userName, documentId)).introduced();
  }

  /** The relay was asked for introductions to everyone interested in these documents. */
  sought(documentIds: Iterable<DocumentId>): void {
    for (const documentId of documentIds) this.#linksOf(documentId).forEach((link) => link.sought());
  }

  /** The application is interested in a document, again or for the first time: nobody there is refused any more. */
  welcome(documentId: DocumentId): void {
    for (const [userName, link] of this.#linksOf(documentId)) {
      if (link.isRefused) this.#forget(userName, documentId);
    }
  }

  /** Ends all connections to one peer, or to all, and refuses to have them back until the documents are joined again. */
  refuse(userName?: UserName): void {
    for (const links of this.#links.values()) {
      for (const [name, link] of links) if (userName === undefined || name === userName) link.refuse();
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

  #add(userName: UserName, documentId: DocumentId): PeerLink {
    const conversation = { localId: this.#localId, userName, documentId };
    const link = new PeerLink(conversation, this.#options, this.#hear(conversation));
    if (!this.#links.has(documentId)) this.#links.set(documentId, new Map());
    this.#linksOf(documentId).set(userName, link);
    return link;
  }

  #hear({ userName, documentId }: Conversation): PeerLinkListener {
    return {
      connecting: () => this.#show(userName, documentId, null),
      connected: (socket) => {
        this.#show(userName, documentId, socket);
        this.#listener.connected({ userName, documentId, socket });
      },
      disconnected: (socket) => {
        this.#hide(userName, documentId);
        if (socket !== undefined) this.#listener.disconnected({ userName, documentId, socket });
      },
      lost: () => this.#listener.lost(documentId),
      idle: () => this.#forget(userName, documentId),
      failed: (error) => this.#listener.failed(error),
    };
  }

  #forget(userName: UserName, documentId: DocumentId): void {
    const links = this.#linksOf(documentId);
    links.delete(userName);
    if (links.size === 0) this.#links.delete(documentId);
  }

  #linksOf(documentId: DocumentId): Map<UserName, PeerLink> {
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
