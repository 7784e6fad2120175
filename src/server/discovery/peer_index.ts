/**
 * The introduction sockets of each peer id, and the documents that the peer is interested in.
 *
 * @module
 */

import type { Registration } from "./registration.ts";

interface Peer {
  /** The oldest first. */
  readonly sockets: Registration[];
  /** How many of them are interested in each document. */
  readonly documents: Map<string, number>;
}

/** Registrations by peer id, with a count for each document, so that no query looks at all sockets of an id. */
export class PeerIndex {
  readonly #peers = new Map<string, Peer>();
  #open = 0;

  /** Peer ids with open sockets. */
  get size(): number {
    return this.#open;
  }

  /** The open sockets of a peer. */
  get(peerId: string): readonly Registration[] {
    return this.#peers.get(peerId)?.sockets ?? [];
  }

  isInterested(peerId: string, documentId: string): boolean {
    return this.#peers.get(peerId)?.documents.has(documentId) ?? false;
  }

  add(registration: Registration): void {
    const peer = this.#peers.get(registration.peerId);
    // An array that begins empty would allocate 17 places.
    if (peer === undefined) this.#peers.set(registration.peerId, { sockets: [registration], documents: new Map() });
    else peer.sockets.push(registration);
    if (peer === undefined || peer.sockets.length === 1) this.#open += 1;
  }

  /** Its interests are removed one by one, before or after this. */
  delete(registration: Registration): void {
    const peer = this.#peers.get(registration.peerId);
    const place = peer?.sockets.lastIndexOf(registration) ?? -1;
    if (peer === undefined || place < 0) return;
    peer.sockets.splice(place, 1);
    if (peer.sockets.length === 0) this.#open -= 1;
    this.#forgetIdle(registration.peerId, peer);
  }

  /** One more socket of a peer is interested. */
  addInterest(peerId: string, documentId: string): void {
    const documents = this.#peers.get(peerId)?.documents;
    documents?.set(documentId, (documents.get(documentId) ?? 0) + 1);
  }

  /** One socket fewer of a peer is interested. */
  deleteInterest(peerId: string, documentId: string): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const count = (peer.documents.get(documentId) ?? 0) - 1;
    if (count > 0) peer.documents.set(documentId, count);
    else peer.documents.delete(documentId);
    this.#forgetIdle(peerId, peer);
  }

  *values(): Iterable<Registration> {
    for (const { sockets } of this.#peers.values()) yield* sockets;
  }

  #forgetIdle(peerId: string, { sockets, documents }: Peer): void {
    if (sockets.length === 0 && documents.size === 0) this.#peers.delete(peerId);
  }
}
