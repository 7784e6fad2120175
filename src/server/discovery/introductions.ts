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

/** Those who have the same documents in common with the joiner. */
export interface Group<T> {
  readonly documentIds: readonly string[];
  readonly members: Iterable<T>;
}

/** One peer and all that share documents with it: one introduction for each of them. */
export class Introductions {
  readonly #joiner: Registration;
  /** All of the first document. Most joins find others in no second one. */
  #first: { readonly documentId: string; readonly others: readonly Registration[] } | undefined;
  /** Those of several documents: the other sockets, with the documents in common. */
  readonly #others = new Map<Registration, string[]>();
  /** By peer: the documents in common with any of its sockets. */
  readonly #peers = new Map<string, string[]>();
  #entries = 0;

  constructor(joiner: Registration) {
    this.#joiner = joiner;
  }

  /** Bytes of memory that this takes. */
  get bytes(): number {
    return this.#others.size * PEER_BYTES + this.#entries * ENTRY_BYTES;
  }

  /** Microseconds of work to send all introductions. */
  get work(): number {
    return this.#size * LIMITS.introductionWork + this.#entries * LIMITS.introducedDocumentWork;
  }

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  /** The other sockets, to which the joiner is introduced. */
  *others(): Iterable<Group<Registration>> {
    if (this.#first !== undefined) yield { documentIds: [this.#first.documentId], members: this.#first.others };
    for (const [other, documentIds] of this.#others) yield { documentIds, members: [other] };
  }

  /** Their peers, each of which is introduced to the joiner. */
  *peers(): Iterable<Group<string>> {
    if (this.#first !== undefined) {
      const { documentId, others } = this.#first;
      yield { documentIds: [documentId], members: new Set(others.map(({ peerId }) => peerId)) };
    }
    for (const [peerId, documentIds] of this.#peers) yield { documentIds, members: [peerId] };
  }

  /** Adds the others of a document; returns how many registrations it looked at. */
  collect(documentId: string, members: readonly Registration[]): number {
    let looks = 0;
    const accepts = ({ peerId, scope, isOpen }: Registration) => {
      looks += 1;
      return isOpen && peerId !== this.#joiner.peerId && scope.allowsDocument(documentId);
    };
    const others = sample(members, { most: LIMITS.introducedPerDocument, accepts });
    if (others.length > 0) this.#addAll(others, documentId);
    return looks;
  }

  get #size(): number {
    return this.#first?.others.length ?? this.#others.size;
  }

  #addAll(others: readonly Registration[], documentId: string): void {
    const first = this.#entries === 0 ? { documentId, others } : undefined;
    if (first === undefined) {
      this.#mergeFirst();
      for (const other of others) this.#add(other, documentId);
    }
    this.#first = first;
    this.#entries += others.length;
  }

  #mergeFirst(): void {
    if (this.#first === undefined) return;
    const { documentId, others } = this.#first;
    for (const other of others) this.#add(other, documentId);
  }

  #add(other: Registration, documentId: string): void {
    const common = this.#others.get(other);
    if (common === undefined) this.#others.set(other, [documentId]);
    else common.push(documentId);
    const ofPeer = this.#peers.get(other.peerId);
    if (ofPeer === undefined) this.#peers.set(other.peerId, [documentId]);
    else if (ofPeer.at(-1) !== documentId) ofPeer.push(documentId);
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
