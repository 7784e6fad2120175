/**
 * What one `Join` brings about: who is introduced to whom, about which documents.
 *
 * @module
 */

import { LIMITS } from "../core/limits.ts";
import { sample } from "./sample.ts";
import type { Frame } from "../transport/transport.ts";
import { type Dialect, encode } from "./dialects.ts";
import type { Registration } from "./registration.ts";

/** Bytes that a document in common takes, on both sides, and another peer. */
const ENTRY_BYTES = 16;
const PEER_BYTES = 200;

/** One peer and everyone interested in one of its documents, to be told of each other in one message for each side. */
export class Introductions {
  readonly #joiner: Registration;
  /** Other sockets, with the documents in common. */
  readonly others = new Map<Registration, string[]>();
  /** The same by peer: all documents in common, over all of its sockets. */
  readonly peers = new Map<string, string[]>();
  #entries = 0;

  constructor(joiner: Registration) {
    this.#joiner = joiner;
  }

  /** Bytes that this takes while it is made. */
  get bytes(): number {
    return this.others.size * PEER_BYTES + this.#entries * ENTRY_BYTES;
  }

  /** Microseconds that it takes to tell all. */
  get work(): number {
    return this.others.size * LIMITS.introductionWork + this.#entries * LIMITS.introducedDocumentWork;
  }

  /** Adds the others of a document, and gives how many were looked at. */
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

/** Spells introductions of one peer, those about the same documents once for each dialect. */
export class Speller {
  readonly #userName: string;
  #documentIds: readonly string[] = [];
  readonly #spelled = new Map<Dialect, Frame>();

  constructor(userName: string) {
    this.#userName = userName;
  }

  spell(documentIds: readonly string[], dialect: Dialect): Frame {
    if (!isSame(documentIds, this.#documentIds)) this.#spelled.clear();
    this.#documentIds = documentIds;
    const frame = this.#spelled.get(dialect) ??
      encode({ type: "Introduction", userName: this.#userName, documentIds: [...documentIds] }, dialect);
    this.#spelled.set(dialect, frame);
    return frame;
  }
}

/** Parts of a list that one introduction names each: a longer one would take a turn of the event loop for itself. */
export function portions(documentIds: readonly string[]): (readonly string[])[] {
  const most = LIMITS.introducedDocuments;
  if (documentIds.length <= most) return [documentIds];
  return Array.from({ length: Math.ceil(documentIds.length / most) }, (_, at) => {
    return documentIds.slice(at * most, (at + 1) * most);
  });
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, at) => id === other[at]);
}
