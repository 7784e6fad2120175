/**
 * Who is interested in what; introduces each new pair to each other.
 *
 * @module
 */

import { CLOSE, type Close, WIRE_LIMITS } from "../../protocol.ts";
import type { Announcer } from "./announcer.ts";
import type { Buffers, Share } from "../core/memory_budget.ts";
import type { Clock } from "../core/clock.ts";
import { type Counters, increment } from "../metrics/counters.ts";
import { decode, type Dialect, encode, type MalformedReason } from "./dialects.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/log.ts";
import { sample } from "../core/sample.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import type { Message } from "../core/message.ts";
import { byteLength, type Frame, type PeerSocket } from "../transport/transport.ts";

/** What an introducer needs. */
export interface IntroducerOptions {
  readonly backplane: Announcer;
  readonly buffers: Buffers;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
}

/** What a peer may be interested in. */
export interface Scope {
  allowsDocument(id: string): boolean;
}

const NO_SCOPE: Scope = { allowsDocument: () => true };

/** One introduction socket with its interests. Several may bear one peer id. */
interface Registration {
  readonly peerId: string;
  readonly socket: PeerSocket;
  readonly scope: Scope;
  readonly documents: Set<string>;
  readonly rate: TokenBucket;
  /** What its joins may cost the relay, in {@link LIMITS.workPerSecond}. */
  readonly work: TokenBucket;
  /** The place of the unread introductions in the sum of all that is kept. */
  readonly share: Share;
  /** That of the latest message. */
  dialect: Dialect;
  malformed: number;
  /** Bytes that its interests take. */
  documentBytes: number;
  isOpen: boolean;
}

/** Indexes registrations by peer and by document, so that a join costs what it finds. */
export class Introducer {
  readonly #byPeer = new Index<Registration>();
  readonly #byDocument = new Index<Registration>();
  readonly #options: IntroducerOptions;
  /** Bytes that all interests take. */
  #documentBytes = 0;
  #isDraining = false;

  constructor(options: IntroducerOptions) {
    this.#options = options;
  }

  /** How much is registered. */
  get counts(): { peers: number; documents: number } {
    return { peers: this.#byPeer.size, documents: this.#byDocument.size };
  }

  /** Takes over the introduction socket of a peer. */
  welcome(peerId: string, socket: PeerSocket, scope: Scope = NO_SCOPE): void {
    const registration = this.#register(peerId, socket, scope);
    this.#byPeer.add(peerId, registration);
    socket.listen({
      message: (frame) => this.#hear(registration, frame),
      ending: () => this.#forget(registration),
      closed: (ending) => {
        this.#options.counters.closed(ending);
        this.#forget(registration);
        registration.share.close();
      },
    });
  }

  /** Introduces a peer, here or elsewhere, to `listenerId`, if that one is here and still interested. */
  introduce(listenerId: string, peerId: string, documentIds: readonly string[]): void {
    if (this.#isDraining) return;
    for (const listener of this.#byPeer.get(listenerId)) {
      const common = documentIds.filter((id) => listener.documents.has(id));
      if (common.length > 0) this.#tell(listener, spell(peerId, common, listener.dialect));
    }
  }

  /** Whether a peer is here and interested in a document. */
  isInterested(peerId: string, documentId: string): boolean {
    return this.#byPeer.get(peerId).values().some(({ documents }) => documents.has(documentId));
  }

  /** From now on it introduces nobody: who follows an introduction would be turned away. */
  drain(): void {
    this.#isDraining = true;
  }

  /** The sockets of all peers, for the drain. */
  *sockets(): Iterable<PeerSocket> {
    for (const { socket } of this.#byPeer.values()) yield socket;
  }

  #register(peerId: string, socket: PeerSocket, scope: Scope): Registration {
    const { buffers, clock } = this.#options;
    const rate = new TokenBucket(clock, { perSecond: LIMITS.messagesPerSecond, burst: LIMITS.messageBurst });
    const work = new TokenBucket(clock, { perSecond: LIMITS.workPerSecond, burst: LIMITS.workBurst });
    const evict = () => this.#dismiss(registration, CLOSE.outOfBuffers);
    const share = buffers.open({ measure: () => socket.backlog, evict });
    const registration: Registration = {
      peerId,
      socket,
      scope,
      documents: new Set(),
      rate,
      work,
      share,
      dialect: "json",
      malformed: 0,
      documentBytes: 0,
      isOpen: true,
    };
    return registration;
  }

  #hear(peer: Registration, frame: Frame): void {
    if (!peer.rate.take()) return this.#dismiss(peer, CLOSE.flooding);
    // Introduction sockets are never spliced.
    const decoded = decode(frame as Message);
    if ("reason" in decoded) return this.#refuse(peer, decoded.reason);
    peer.dialect = decoded.dialect;
    const { message } = decoded;
    if (message.type === "Join") this.#join(peer, message.join);
    else if (message.type === "Leave") { for (const id of message.leave) this.#leave(peer, id); }
  }

  #refuse(peer: Registration, reason: MalformedReason): void {
    peer.malformed += 1;
    increment(this.#options.counters.malformed, reason);
    this.#options.log.debug("malformed message of {peer}: {reason}", { peer: peer.peerId, reason });
    if (peer.malformed >= LIMITS.malformedMessages) this.#dismiss(peer, CLOSE.malformed);
  }

  #join(peer: Registration, wanted: readonly string[]): void {
    const documents = wanted.filter((id) => peer.scope.allowsDocument(id));
    if (documents.length < wanted.length) this.#options.log.debug("{peer} may not join all", { peer: peer.peerId });
    const added = documents.filter((id) => !peer.documents.has(id));
    const bytes = added.reduce((sum, id) => sum + weight(id), 0);
    const isTooMuch = peer.documents.size + added.length > WIRE_LIMITS.documentsPerPeer ||
      peer.documentBytes + bytes > LIMITS.documentBytesPerPeer;
    if (isTooMuch) return this.#refuse(peer, "too many documents");
    if (this.#documentBytes + bytes > LIMITS.documentBytes) return this.#dismiss(peer, CLOSE.outOfBuffers);
    for (const id of added) this.#add(peer, id);
    if (this.#isDraining) return;
    this.#introduceAll(peer, documents);
    if (peer.isOpen) this.#options.backplane.joined(peer.peerId, documents);
  }

  #add(peer: Registration, documentId: string): void {
    peer.documents.add(this.#byDocument.add(documentId, peer));
    this.#weigh(peer, weight(documentId));
  }

  #leave(peer: Registration, documentId: string): void {
    if (!peer.documents.delete(documentId)) return;
    this.#weigh(peer, -weight(documentId));
    this.#unlist(peer, documentId);
  }

  #unlist(peer: Registration, documentId: string): void {
    this.#byDocument.delete(documentId, peer);
    const others = this.#byPeer.get(peer.peerId).values();
    if (!others.some(({ documents }) => documents.has(documentId))) {
      this.#options.backplane.left(peer.peerId, documentId);
    }
  }

  #weigh(peer: Registration, bytes: number): void {
    peer.documentBytes += bytes;
    this.#documentBytes += bytes;
  }

  /** Introduces a peer and everyone interested in one of `documents` to each other, one message for each side. */
  #introduceAll(joiner: Registration, documents: readonly string[]): void {
    if (joiner.socket.backlog > LIMITS.introductionBacklogBytes) return this.#dismiss(joiner, CLOSE.slowReader);
    const scanned = documents.reduce((sum, id) => sum + this.#byDocument.get(id).size, documents.length);
    if (!joiner.work.take(scanned)) return this.#dismiss(joiner, CLOSE.flooding);
    const others = this.#othersInterested(joiner, documents);
    if (!joiner.work.take(others.size * LIMITS.introductionWork)) return this.#dismiss(joiner, CLOSE.flooding);
    const spellJoiner = speller(joiner.peerId, documents.length === 1);
    for (const [other, common] of others) this.#tell(other, spellJoiner(common, other.dialect));
    for (const [peerId, common] of mergedByPeer(others)) this.#send(joiner, spell(peerId, common, joiner.dialect));
  }

  #othersInterested(joiner: Registration, documents: readonly string[]): Map<Registration, string[]> {
    const others = new Map<Registration, string[]>();
    for (const id of documents) {
      const interested = this.#byDocument.get(id).values().filter(({ peerId, scope }) =>
        peerId !== joiner.peerId && scope.allowsDocument(id)
      );
      for (const other of sample([...interested], LIMITS.introducedPerDocument)) {
        const common = others.get(other);
        if (common === undefined) others.set(other, [id]);
        else common.push(id);
      }
    }
    return others;
  }

  /** Sends to a peer that did not ask just now: so it must have read what was sent before. */
  #tell(listener: Registration, introduction: Frame): void {
    if (listener.socket.backlog > LIMITS.introductionBacklogBytes) this.#dismiss(listener, CLOSE.slowReader);
    else this.#send(listener, introduction);
  }

  #send(listener: Registration, introduction: Frame): void {
    if (!listener.isOpen) return;
    const backlog = listener.socket.backlog;
    listener.socket.send(introduction);
    this.#options.counters.introductions += 1;
    listener.share.set(backlog + byteLength(introduction));
  }

  #dismiss(peer: Registration, close: Close): void {
    this.#forget(peer);
    peer.socket.close(close);
  }

  /** Takes away this registration, and no other of the same peer. */
  #forget(peer: Registration): void {
    peer.isOpen = false;
    this.#byPeer.delete(peer.peerId, peer);
    const documents = [...peer.documents];
    peer.documents.clear();
    this.#weigh(peer, -peer.documentBytes);
    for (const id of documents) this.#unlist(peer, id);
  }
}

/** Sets of values by key; a key without values is not kept. */
class Index<T> {
  readonly #sets = new Map<string, { key: string; set: Set<T> }>();

  get size(): number {
    return this.#sets.size;
  }

  get(key: string): ReadonlySet<T> {
    return this.#sets.get(key)?.set ?? new Set();
  }

  /** Gives the key as it is kept: who keeps that one shares its memory with all others. */
  add(key: string, value: T): string {
    const known = this.#sets.get(key);
    if (known === undefined) this.#sets.set(key, { key, set: new Set([value]) });
    else known.set.add(value);
    return known?.key ?? key;
  }

  delete(key: string, value: T): void {
    const set = this.#sets.get(key)?.set;
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }

  *values(): Iterable<T> {
    for (const { set } of this.#sets.values()) yield* set;
  }
}

/** What one interest takes in memory: its places in the indexes, and its id, which may need two bytes a unit. */
function weight(documentId: string): number {
  return LIMITS.interestBytes + documentId.length * 2;
}

/** All documents in common with a peer, over all of its sockets. */
function mergedByPeer(others: ReadonlyMap<Registration, string[]>): Map<string, string[]> {
  const merged = new Map<string, string[]>();
  for (const [{ peerId }, common] of others) {
    const known = merged.get(peerId);
    merged.set(peerId, known === undefined ? common : [...new Set([...known, ...common])]);
  }
  return merged;
}

function spell(userName: string, documentIds: string[], dialect: Dialect): Frame {
  return encode({ type: "Introduction", userName, documentIds }, dialect);
}

/** Spells the introductions of one peer; `isSame`: all are about the same documents, so once per dialect suffices. */
function speller(userName: string, isSame: boolean): (documentIds: string[], dialect: Dialect) => Frame {
  const spelled = new Map<Dialect, Frame>();
  return (documentIds, dialect) => {
    const known = spelled.get(dialect);
    if (isSame && known !== undefined) return known;
    const frame = spell(userName, documentIds, dialect);
    spelled.set(dialect, frame);
    return frame;
  };
}
