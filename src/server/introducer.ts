/**
 * Who is interested in what; introduces each new pair to each other.
 *
 * @module
 */

import { CLOSE, type Close, WIRE_LIMITS } from "../protocol.ts";
import type { Buffers, Share } from "./buffers.ts";
import type { Clock } from "./clock.ts";
import { type Counters, increment } from "./counters.ts";
import { decode, type Dialect, encode, type MalformedReason } from "./dialects.ts";
import { LIMITS } from "./limits.ts";
import type { Logger } from "./log.ts";
import { TokenBucket } from "./token_bucket.ts";
import type { Frame, PeerSocket } from "./transport.ts";

/** What an introducer needs. */
export interface IntroducerOptions {
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
  /** The place of the unread introductions in the sum of all that is kept. */
  readonly share: Share;
  /** That of the latest message. */
  dialect: Dialect;
  malformed: number;
  isOpen: boolean;
}

/** Indexes registrations by peer and by document, so that a join costs what it finds. */
export class Introducer {
  readonly #byPeer = new Index<Registration>();
  readonly #byDocument = new Index<Registration>();
  readonly #options: IntroducerOptions;

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
      closed: (ending) => {
        this.#options.counters.closed(ending);
        this.#forget(registration);
        registration.share.close();
      },
    });
  }

  /** Tells `remoteId`, if it is here and interested, that `localId` still waits for it. */
  remind({ localId, remoteId, documentId }: { localId: string; remoteId: string; documentId: string }): void {
    for (const remote of this.#byPeer.get(remoteId)) {
      if (remote.documents.has(documentId)) this.#introduce(remote, localId, [documentId]);
    }
  }

  /** The sockets of all peers, for the drain. */
  *sockets(): Iterable<PeerSocket> {
    for (const { socket } of this.#byPeer.values()) yield socket;
  }

  #register(peerId: string, socket: PeerSocket, scope: Scope): Registration {
    const { buffers, clock } = this.#options;
    const rate = new TokenBucket(clock, { perSecond: LIMITS.messagesPerSecond, burst: LIMITS.messageBurst });
    const evict = () => this.#dismiss(registration, CLOSE.outOfBuffers);
    const share = buffers.open({ measure: () => socket.backlog, evict });
    const registration: Registration = {
      peerId,
      socket,
      scope,
      documents: new Set(),
      rate,
      share,
      dialect: "json",
      malformed: 0,
      isOpen: true,
    };
    return registration;
  }

  #hear(peer: Registration, frame: Frame): void {
    if (!peer.rate.take()) return this.#dismiss(peer, CLOSE.flooding);
    const decoded = decode(frame);
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
    if (peer.documents.size + added.length > WIRE_LIMITS.documentsPerPeer) {
      return this.#refuse(peer, "too many documents");
    }
    for (const id of added) {
      peer.documents.add(id);
      this.#byDocument.add(id, peer);
    }
    this.#introduceAll(peer, documents);
  }

  #leave(peer: Registration, documentId: string): void {
    if (peer.documents.delete(documentId)) this.#byDocument.delete(documentId, peer);
  }

  /** Introduces a peer and everyone interested in one of `documents` to each other, one message for each side. */
  #introduceAll(joiner: Registration, documents: readonly string[]): void {
    const joinerHears = new Map<string, Set<string>>();
    const spell = speller(joiner.peerId, documents.length === 1);
    for (const [other, common] of this.#othersInterested(joiner, documents)) {
      this.#send(other, spell(common, other.dialect));
      const heard = joinerHears.get(other.peerId);
      if (heard === undefined) joinerHears.set(other.peerId, new Set(common));
      else for (const id of common) heard.add(id);
    }
    for (const [peerId, common] of joinerHears) this.#introduce(joiner, peerId, [...common]);
  }

  #othersInterested(joiner: Registration, documents: readonly string[]): Map<Registration, string[]> {
    const others = new Map<Registration, string[]>();
    for (const id of documents) {
      const interested = this.#byDocument.get(id).values().filter(({ peerId }) => peerId !== joiner.peerId);
      for (const other of sample([...interested], LIMITS.introducedPerDocument)) {
        const common = others.get(other);
        if (common === undefined) others.set(other, [id]);
        else common.push(id);
      }
    }
    return others;
  }

  #introduce(listener: Registration, userName: string, documentIds: string[]): void {
    this.#send(listener, encode({ type: "Introduction", userName, documentIds }, listener.dialect));
  }

  #send(listener: Registration, introduction: Frame): void {
    if (!listener.isOpen) return;
    const backlog = listener.socket.backlog;
    if (backlog > LIMITS.introductionBacklogBytes) return this.#dismiss(listener, CLOSE.slowReader);
    listener.socket.send(introduction);
    this.#options.counters.introductions += 1;
    listener.share.set(backlog);
  }

  #dismiss(peer: Registration, close: Close): void {
    this.#forget(peer);
    peer.socket.close(close);
  }

  /** Takes away this registration, and no other of the same peer. */
  #forget(peer: Registration): void {
    peer.isOpen = false;
    this.#byPeer.delete(peer.peerId, peer);
    for (const id of peer.documents) this.#byDocument.delete(id, peer);
    peer.documents.clear();
  }
}

/** Sets of values by key; a key without values is not kept. */
class Index<T> {
  readonly #sets = new Map<string, Set<T>>();

  get size(): number {
    return this.#sets.size;
  }

  get(key: string): ReadonlySet<T> {
    return this.#sets.get(key) ?? new Set();
  }

  add(key: string, value: T): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(key: string, value: T): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }

  *values(): Iterable<T> {
    for (const set of this.#sets.values()) yield* set;
  }
}

/** Spells the introductions of one peer; `isSame`: all are about the same documents, so once per dialect suffices. */
function speller(userName: string, isSame: boolean): (documentIds: string[], dialect: Dialect) => Frame {
  const spelled = new Map<Dialect, Frame>();
  return (documentIds, dialect) => {
    const known = spelled.get(dialect);
    if (isSame && known !== undefined) return known;
    const frame = encode({ type: "Introduction", userName, documentIds }, dialect);
    spelled.set(dialect, frame);
    return frame;
  };
}

/** All of a short list; of a long one, `most` at random, by the first steps of a shuffle in place. */
function sample<T>(list: T[], most: number): T[] {
  if (list.length <= most) return list;
  for (let i = 0; i < most; i++) {
    const j = i + Math.floor(Math.random() * (list.length - i));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list.slice(0, most);
}
