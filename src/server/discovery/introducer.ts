/**
 * Who is interested in what; introduces each new pair to each other.
 *
 * What a peer says is worked on in order, in slices, and charged to it: see `work_scheduler.ts`.
 *
 * @module
 */

import { CLOSE, type Close, type JoinRefusal, WIRE_LIMITS } from "../../protocol.ts";
import type { Clock } from "../core/clock.ts";
import type { ConnectionKey } from "../core/connection_key.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/log.ts";
import type { MemoryBudget } from "../core/memory_budget.ts";
import type { Message } from "../core/message.ts";
import { WorkQueue } from "../core/work_queue.ts";
import type { Steps, WorkScheduler } from "../core/work_scheduler.ts";
import { type Counters, increment } from "../metrics/counters.ts";
import { byteLength, type Frame, type IntroductionSocket } from "../transport/transport.ts";
import type { Announcer } from "./announcer.ts";
import { decodeInSteps, type MalformedReason } from "./dialects.ts";
import { DocumentIndex } from "./document_index.ts";
import { Introductions, portions, Speller } from "./introductions.ts";
import { Outbox } from "./outbox.ts";
import { PeerIndex } from "./peer_index.ts";
import { Registration, type Scope } from "./registration.ts";

/** What an introducer needs. */
export interface IntroducerOptions {
  readonly backplane: Announcer;
  readonly buffers: MemoryBudget;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
  readonly scheduler: WorkScheduler;
}

const NO_SCOPE: Scope = { allowsDocument: () => true };

/** Documents that are looked at in one step. */
const STEP = 16;

/** Indexes registrations by peer and by document, so that a join costs what it finds. */
export class Introducer {
  readonly #peers = new PeerIndex();
  readonly #documents = new DocumentIndex();
  readonly #options: IntroducerOptions;
  /** Bytes that all interests take. */
  #documentBytes = 0;
  #isDraining = false;
  /** Those who are gone and are still to be taken off their documents. */
  readonly #departed: WorkQueue<Registration>;
  /** Pending connections whose counterpart is still to be told. */
  readonly #reminders: WorkQueue<ConnectionKey>;
  readonly #outbox: Outbox;

  constructor(options: IntroducerOptions) {
    this.#options = options;
    const { scheduler } = options;
    const failed = (error: unknown) => this.#failed(error);
    this.#outbox = new Outbox(scheduler, failed);
    this.#departed = new WorkQueue({ scheduler, failed, work: (peer) => this.#depart(peer) });
    this.#reminders = new WorkQueue({ scheduler, failed, work: (claim) => this.#remind(claim) });
  }

  /** How much is registered. */
  get counts(): { peers: number; documents: number } {
    return { peers: this.#peers.size, documents: this.#documents.size };
  }

  /** Takes over the introduction socket of a peer. Gives what charges it with work; false: it was closed for that. */
  welcome(peerId: string, socket: IntroductionSocket, scope: Scope = NO_SCOPE): (work: number) => boolean {
    const { buffers, clock, counters } = this.#options;
    const evict = (peer: Registration) => this.#dismiss(peer, CLOSE.outOfBuffers);
    const registration = new Registration(socket, { peerId, scope, clock, buffers, evict });
    this.#peers.add(registration);
    socket.listen({
      message: (frame) => this.#hear(registration, frame),
      ending: () => this.#forget(registration),
      closed: (ending) => {
        counters.closed(ending);
        this.#forget(registration);
        registration.share.close();
      },
    });
    return (work) => this.#charge(registration, work);
  }

  /** Introduces a peer of another instance to `listenerId`, if that one is here and still interested. */
  *introduce(listenerId: string, peerId: string, documentIds: readonly string[]): Steps {
    if (this.#isDraining) return;
    const speller = new Speller(peerId);
    for (const listener of [...this.#peers.get(listenerId)]) {
      const common = documentIds.filter((id) => listener.documents.has(id));
      if (common.length > 0) yield* this.#tell(listener, speller, common);
    }
  }

  /** Whether a peer is here and interested in a document. */
  isInterested(peerId: string, documentId: string): boolean {
    return this.#peers.isInterested(peerId, documentId);
  }

  /** From now on it introduces nobody: who follows an introduction would be turned away. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Charges a peer with microseconds of work that was done on its behalf. */
  charge(peerId: string, work: number): void {
    const newest = this.#peers.get(peerId).at(-1);
    if (newest !== undefined) this.#charge(newest, work);
  }

  /** Tells the counterpart of a pending connection, here or elsewhere, that it is waited for. */
  remind(waiting: ConnectionKey): void {
    this.#reminders.push(waiting);
  }

  /** Tells a peer here, on the newest of its sockets that is interested, that it is waited for. */
  remindHere({ localId, remoteId, documentId }: ConnectionKey): void {
    if (this.#isDraining || !this.isInterested(remoteId, documentId)) return;
    const newest = this.#peers.get(remoteId).slice(-LIMITS.remindedSockets);
    const listener = newest.findLast(({ documents }) => documents.has(documentId));
    if (listener !== undefined) this.#tellOnce(listener, new Speller(localId).spell([documentId], listener.dialect));
  }

  /** The sockets of all peers, for the drain. */
  *sockets(): Iterable<IntroductionSocket> {
    for (const { socket } of this.#peers.values()) yield socket;
  }

  /** On the account of who waits, if it has a socket here. Who has spent all is not closed for it: it reminds no more. */
  #remind(waiting: ConnectionKey): void {
    const payer = this.#peers.get(waiting.localId).at(-1);
    if (payer?.work.take(LIMITS.reminderWork) === false) return;
    this.remindHere(waiting);
    this.#options.backplane.remind(waiting);
  }

  #failed(error: unknown): void {
    this.#options.log.error("work for peers failed: {error}", { error });
  }

  /** Takes from what the peer may cost; who has spent all is closed. */
  #charge(peer: Registration, work: number): boolean {
    const isPaid = peer.isOpen && peer.work.take(work);
    if (!isPaid) this.#dismiss(peer, CLOSE.flooding);
    return isPaid;
  }

  #hear(peer: Registration, frame: Frame): void {
    const work = LIMITS.messageWork + byteLength(frame) / 1024 * LIMITS.messageKibWork;
    if (!peer.rate.take()) return this.#dismiss(peer, CLOSE.flooding);
    if (!this.#charge(peer, work)) return;
    // Introduction sockets are never spliced.
    peer.keep(frame as Message);
    if (!peer.isServed) this.#startServing(peer);
    if (peer.unheardBytes === 0) return;
    peer.detachLatest();
    if (peer.unheardBytes > LIMITS.unheardBytes) this.#dismiss(peer, CLOSE.flooding);
    else peer.share.set(peer.keptBytes);
  }

  #startServing(peer: Registration): void {
    peer.isServed = true;
    this.#options.scheduler.run(this.#serve(peer), (error) => {
      this.#failed(error);
      this.#dismiss(peer, CLOSE.relayFailed);
    });
  }

  /** Answers its messages, one after the other. */
  *#serve(peer: Registration): Steps {
    for (let message = peer.next(); message !== undefined; message = peer.next()) {
      yield* this.#take(peer, message);
      yield;
    }
    peer.isServed = false;
  }

  *#take(peer: Registration, frame: Message): Steps {
    const decoded = yield* decodeInSteps(frame);
    if ("reason" in decoded) return this.#refuse(peer, decoded.reason);
    peer.dialect = decoded.dialect;
    const { message } = decoded;
    if (message.type === "Join") yield* this.#join(peer, message.join);
    else if (message.type === "Leave") yield* this.#leaveAll(peer, message.leave);
  }

  #refuse(peer: Registration, reason: MalformedReason): void {
    peer.malformed += 1;
    increment(this.#options.counters.malformed, reason);
    this.#options.log.debug("malformed message of {peer}: {reason}", { peer: peer.peerId, reason });
    if (peer.malformed >= LIMITS.malformedMessages) this.#dismiss(peer, CLOSE.malformed);
  }

  *#join(peer: Registration, wanted: readonly string[]): Steps {
    const documents = yield* this.#admit(peer, wanted);
    const introductions = new Introductions(peer);
    let work = 0;
    for (const id of documents) {
      if (!peer.isOpen) return;
      work += this.#addInterest(peer, id, introductions);
      if (work < LIMITS.stepWork) continue;
      work = 0;
      peer.share.set(peer.keptBytes);
      yield;
    }
    yield* this.#introduceAll(peer, introductions);
    peer.collectedBytes = 0;
  }

  /** Those of the documents that the peer may join, if there is room for all. */
  *#admit(peer: Registration, wanted: readonly string[]): Generator<void, string[]> {
    if (!this.#charge(peer, wanted.length * LIMITS.documentWork)) return [];
    const documents: string[] = [];
    const forbidden: string[] = [];
    let [count, bytes] = [0, 0];
    for (const [at, id] of wanted.entries()) {
      if (at % STEP === STEP - 1) yield;
      const isAllowed = peer.scope.allowsDocument(id);
      (isAllowed ? documents : forbidden).push(id);
      if (!isAllowed) continue;
      if (peer.documents.has(id)) continue;
      count += 1;
      bytes += weight(id);
    }
    if (forbidden.length > 0) this.#forbid(peer, forbidden);
    if (this.#makeRoom(peer, count, bytes)) return documents;
    this.#deny(peer, documents, "full");
    return [];
  }

  #forbid(peer: Registration, documentIds: readonly string[]): void {
    this.#options.log.debug("{peer} may not join all", { peer: peer.peerId });
    this.#deny(peer, documentIds, peer.scope.isExpired ? "expired" : "forbidden");
  }

  /** To a peer that can hear it, and reads what it hears. */
  #deny(peer: Registration, documentIds: readonly string[], reason: JoinRefusal): void {
    if (!peer.isOpen || peer.socket.refuse === undefined) return;
    if (peer.unreadBytes > LIMITS.introductionBacklogBytes) return this.#dismiss(peer, CLOSE.slowReader);
    peer.socket.refuse(documentIds, reason);
    peer.share.set(peer.keptBytes);
  }

  #makeRoom(peer: Registration, count: number, bytes: number): boolean {
    if (!peer.isOpen) return false;
    const isTooMuch = peer.documents.size + count > WIRE_LIMITS.documentsPerPeer ||
      peer.documentBytes + bytes > LIMITS.documentBytesPerPeer;
    if (isTooMuch) this.#refuse(peer, "too many documents");
    else if (this.#documentBytes + bytes > LIMITS.documentBytes) this.#dismiss(peer, CLOSE.outOfBuffers);
    else this.#weigh(peer, bytes);
    return !isTooMuch && peer.isOpen;
  }

  /**
   * Gives what it cost. The others are found in the same step: so of two who join at once, exactly one finds the other.
   */
  #addInterest(peer: Registration, documentId: string, introductions: Introductions): number {
    const { backplane } = this.#options;
    let work = LIMITS.documentWork;
    if (!peer.documents.has(documentId)) {
      this.#documents.add(documentId, peer);
      this.#peers.addInterest(peer.peerId, documentId);
      backplane.added(peer.peerId, documentId);
      work += LIMITS.interestWork;
    }
    if (!this.#isDraining) {
      work += introductions.collect(documentId, this.#documents.members(documentId)) * LIMITS.lookWork;
      work += backplane.joined(peer.peerId, documentId);
    }
    peer.collectedBytes = introductions.bytes;
    this.#charge(peer, work);
    return work;
  }

  /** Introduces a peer and everyone who was found to each other. */
  *#introduceAll(joiner: Registration, { others, peers, work }: Introductions): Steps {
    if (others.size === 0 || this.#isDraining || !this.#charge(joiner, work)) return;
    if (joiner.unreadBytes > LIMITS.introductionBacklogBytes) return this.#dismiss(joiner, CLOSE.slowReader);
    const speller = new Speller(joiner.peerId);
    for (const [other, common] of others) {
      // Nobody shall go to meet one who has gone.
      if (!joiner.isOpen) return;
      yield* this.#tell(other, speller, common);
    }
    for (const [peerId, common] of peers) yield* this.#answer(joiner, new Speller(peerId), common);
  }

  *#leaveAll(peer: Registration, documents: readonly string[]): Steps {
    if (!this.#charge(peer, documents.length * LIMITS.documentWork)) return;
    for (const [at, id] of documents.entries()) {
      this.#leave(peer, id);
      if (at % STEP === STEP - 1) yield;
    }
  }

  #leave(peer: Registration, documentId: string): void {
    if (!this.#documents.delete(documentId, peer)) return;
    this.#weigh(peer, -weight(documentId));
    this.#peers.deleteInterest(peer.peerId, documentId);
    this.#options.backplane.removed(peer.peerId, documentId);
  }

  #weigh(peer: Registration, bytes: number): void {
    peer.documentBytes += bytes;
    this.#documentBytes += bytes;
  }

  *#tell(listener: Registration, speller: Speller, documentIds: readonly string[]): Steps {
    for (const part of portions(documentIds)) {
      this.#tellOnce(listener, speller.spell(part, listener.dialect));
      yield;
    }
  }

  /** To a peer that has asked just now: it hears of all, however many they are. */
  *#answer(listener: Registration, speller: Speller, documentIds: readonly string[]): Steps {
    for (const part of portions(documentIds)) {
      this.#send(listener, speller.spell(part, listener.dialect));
      yield;
    }
  }

  /** Sends to a peer that did not ask just now: so it must have read what was sent before. */
  #tellOnce(listener: Registration, introduction: Frame): void {
    const isSlow = listener.isOpen && listener.unreadBytes > LIMITS.introductionBacklogBytes;
    if (isSlow) this.#dismiss(listener, CLOSE.slowReader);
    else this.#send(listener, introduction);
  }

  #send(listener: Registration, introduction: Frame): void {
    if (!listener.isOpen) return;
    this.#options.counters.introductions += 1;
    this.#outbox.push(listener, introduction);
  }

  #dismiss(peer: Registration, close: Close): void {
    this.#forget(peer);
    peer.socket.close(close);
  }

  /** Takes away this registration, and no other of the same peer. */
  #forget(peer: Registration): void {
    if (!peer.isOpen) return;
    peer.end();
    this.#peers.delete(peer);
    this.#departed.push(peer);
  }

  *#depart(peer: Registration): Steps {
    let left = 0;
    for (const id of peer.documents.keys()) {
      this.#leave(peer, id);
      if (++left % STEP === 0) yield;
    }
    // What a join had taken that did not come to its end.
    this.#weigh(peer, -peer.documentBytes);
  }
}

/** What one interest takes in memory: its places in the indexes, and its id, which may need two bytes a unit. */
function weight(documentId: string): number {
  return LIMITS.interestBytes + documentId.length * 2;
}
