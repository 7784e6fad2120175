/**
 * The introductions that one `Join` leads to: which peers, about which documents.
 *
 * @module
 */

import { LIMITS } from "../core/limits.ts";
import { sample } from "./sample.ts";
import type { Registration } from "./registration.ts";

/** Bytes of a document in common, on both sides; and of another peer. */
const ENTRY_BYTES = 16;
const PEER_BYTES = 200;

/** One peer and all that share documents with it: one introduction for each of them. */
export class Introductions {
  readonly #joiner: Registration;
  /** The other sockets, with the documents in common. */
  readonly others = new Map<Registration, string[]>();
  /** By peer: the documents in common with any of its sockets. */
  readonly peers = new Map<string, string[]>();
  #entries = 0;

  constructor(joiner: Registration) {
    this.#joiner = joiner;
  }

  /** Bytes of memory that this takes. */
  get bytes(): number {
    return this.others.size * PEER_BYTES + this.#entries * ENTRY_BYTES;
  }

  /** Microseconds of work to send all introductions. */
  get work(): number {
    return this.others.size * LIMITS.introductionWork + this.#entries * LIMITS.introducedDocumentWork;
  }

  /** Adds the others of a document; returns how many registrations it looked at. */
  collect(documentId: string, members: readonly Registration[]): number {
    let looks = 0;
    const accepts = ({ peerId, scope, isOpen }: Registration) => {
      looks += 1;
      return isOpen && peerId !== this.#joiner.peerId && scope.allowsDocument(documentId);
    };
    for (const other of sample(members, { most: LIMITS.introducedPerDocument, accepts })) this.#add(other, documentId);
    return looks;
  }

  #add(other: Registration, documentId: string): void {
    const common = this.others.get(other);
    if (common === undefined) this.others.set(other, [documentId]);
    else common.push(documentId);
    const ofPeer = this.peers.get(other.peerId);
    if (ofPeer === undefined) this.peers.set(other.peerId, [documentId]);
    else if (ofPeer.at(-1) !== documentId) ofPeer.push(documentId);
    this.#entries += 1;
  }
}

/** Splits documents for several introductions: a long one would take a turn of the event loop for itself. */
export function portions(documentIds: readonly string[]): (readonly string[])[] {
  const most = LIMITS.introducedDocuments;
  if (documentIds.length <= most) return [documentIds];
  return Array.from({ length: Math.ceil(documentIds.length / most) }, (_, at) => {
    return documentIds.slice(at * most, (at + 1) * most);
  });
}
