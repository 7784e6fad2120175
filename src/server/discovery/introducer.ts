/**
 * Introduces peers that are interested in the same document to each other.
 *
 * The messages of a peer are processed in order and in slices, and the peer is charged with the work: see
 * `work_scheduler.ts`.
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
import { WorkQueue } from "../core/scheduling/work_queue.ts";
import type { Steps, WorkScheduler } from "../core/scheduling/work_scheduler.ts";
import { type Counters, increment } from "../metrics/counters.ts";
import { byteLength, type Chunk, type Ending, type IntroductionSocket } from "../transport/transport.ts";
import type { Announcer } from "./announcer.ts";
import { decodeInSteps, type MalformedReason } from "./dialects.ts";
import { DocumentIndex } from "./document_index.ts";
import { IntroductionEncoder } from "./introduction_encoder.ts";
import { type Group, Introductions, portions } from "./introductions.ts";
import { Outbox } from "./outbox.ts";
import { PeerIndex } from "./peer_index.ts";
import { Registration, type RegistrationOwner, type Scope } from "./registration.ts";

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

/** Documents that are processed in one step. */
const STEP = 16;

/** Indexes registrations by peer and by document, so that the cost of a join depends only on what it finds. */
export class Introducer {
  readonly #peers = new PeerIndex();
  readonly #documents = new DocumentIndex();
  readonly #options: IntroducerOptions;
  /** Bytes of all interests. */
  #documentBytes = 0;
  #isDraining = false;
  /** Registrations that are closed, and not removed from their documents yet. */
  readonly #departed: WorkQueue<Registration>;
  /** Pending connections whose counterpart is to be reminded. */
  readonly #reminders: WorkQueue<ConnectionKey>;
  readonly #outbox: Outbox;
  readonly #encoder = new IntroductionEncoder();
  readonly #owner: RegistrationOwner = {
    hear: (peer, chunk) => this.#hear(peer, chunk),
    forget: (peer) => this.#forget(peer),
    closed: (peer, ending) => this.#closed(peer, ending),
    evict: (peer) => this.#dismiss(peer, CLOSE.outOfBuffers),
  };

  constructor(options: IntroducerOptions) {
    this.#options = options;
    const { scheduler } = options;
    const failed = (error: unknown) => this.#failed(error);
    this.#outbox = new Outbox(scheduler, failed);
    this.#departed = new WorkQueue({ scheduler, failed, work: (peer) => this.#depart(peer) });
    this.#reminders = new WorkQueue({ scheduler, failed, work: (waiting) => this.#remind(waiting) });
  }

  /** Registered peers and documents. */
  get counts(): { peers: number; documents: number } {
    return { peers: this.#peers.size, documents: this.#documents.size };
  }

  /** Takes over the introduction socket of a peer. Gives what charges it with work; false: it was closed for that. */
  welcome(peerId: string, socket: IntroductionSocket, scope: Scope = NO_SCOPE): (work: number) => boolean {
    const { buffers, clock } = this.#options;
    const registration = new Registration(socket, { peerId, scope, clock, buffers, owner: this.#owner });
    this.#peers.add(registration);
    socket.listen(registration);
    return (work) => this.#charge(registration, work);
  }

  /** Introduces a peer of another instance to the peer `listenerId`, if that is here and still interested. */
  *introduce(listenerId: string, peerId: string, documentIds: readonly string[]): Steps {
    if (this.#isDraining) return;
    for (const listener of [...this.#peers.get(listenerId)]) {
      const common = documentIds.filter((id) => listener.mayBeIntroduced(id));
      if (common.length > 0) {
        yield* inPortions(
          [{ documentIds: common, members: [listener] }],
          (listener, part) => this.#tell(listener, peerId, part),
        );
      }
    }
  }

  /** Whether a peer of this instance is interested in a document. */
  isInterested(peerId: string, documentId: string): boolean {
    return this.#peers.isInterested(peerId, documentId);
  }

  /** Makes no more introductions: the relay refuses the connections that would follow. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Charges a peer with microseconds of work that was done on its behalf. */
  charge(peerId: string, work: number): void {
    const newest = this.#peers.get(peerId).at(-1);
    if (newest !== undefined) this.#charge(newest, work);
  }

  /** Reminds the peer that a pending connection waits for, on any instance. */
  remind(waiting: ConnectionKey): void {
    this.#reminders.push(waiting);
  }

  /** Reminds a peer here, on the newest of its sockets that is interested. */
  remindHere({ localId, remoteId, documentId }: ConnectionKey): void {
    if (this.#isDraining || !this.isInterested(remoteId, documentId)) return;
    const newest = this.#peers.get(remoteId).slice(-LIMITS.remindedSockets);
    const listener = newest.findLast((one) => one.mayBeIntroduced(documentId));
    if (listener !== undefined) this.#tell(listener, localId, [documentId]);
  }

  /** The sockets of all peers, for the drain. */
  *sockets(): Iterable<IntroductionSocket> {
    for (const { socket } of this.#peers.values()) yield socket;
  }

  /** Charges the peer that waits, if it has a socket here. Past its work budget the relay sends no reminder. */
  #remind(waiting: ConnectionKey): void {
    const waiter = this.#peers.get(waiting.localId).at(-1);
    if (waiter?.work.take(LIMITS.reminderWork) === false) return;
    this.remindHere(waiting);
    this.#options.backplane.remind(waiting);
  }

  #failed(error: unknown): void {
    this.#options.log.error("work for peers failed: {error}", { error });
  }

  /** Charges a peer with work; closes its socket when it is past its budget. */
  #charge(peer: Registration, work: number): boolean {
    const isWithin = peer.isOpen && peer.work.take(work);
    if (!isWithin) this.#dismiss(peer, CLOSE.flooding);
    return isWithin;
  }

  #hear(peer: Registration, chunk: Chunk): void {
    const work = LIMITS.messageWork + byteLength(chunk) / 1024 * LIMITS.messageKibWork;
    if (!peer.rate.take()) return this.#dismiss(peer, CLOSE.flooding);
    if (!this.#charge(peer, work)) return;
    // Introduction sockets are never spliced.
    peer.keep(chunk as Message);
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

  /** Processes the messages of a peer, one after the other. */
  *#serve(peer: Registration): Steps {
    for (let message = peer.next(); message !== undefined; message = peer.next()) {
      yield* this.#take(peer, message);
      yield;
    }
    peer.isServed = false;
  }

  *#take(peer: Registration, encoded: Message): Steps {
    const decoded = yield* decodeInSteps(encoded);
    if ("reason" in decoded) return this.#refuse(peer, decoded.reason);
    peer.dialect = decoded.dialect;
    const { message } = decoded;
    if (message.type === "Join") yield* this.#join(peer, message.join);
    else if (message.type === "Leave") yield* this.#leaveAll(peer, message.leave);
  }

  /** @param isTold The peer hears of it: that is no message that was not understood. */
  #refuse(peer: Registration, reason: MalformedReason, isTold = false): void {
    if (!isTold) peer.malformed += 1;
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

  /** The documents that the peer may join; none if there is not room for all of them. */
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

  /** Sends a refusal, if the dialect has one. A peer that does not read its introductions is closed instead. */
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
    if (isTooMuch) this.#refuse(peer, "too many documents", peer.socket.refuse !== undefined);
    else if (this.#documentBytes + bytes > LIMITS.documentBytes) this.#dismiss(peer, CLOSE.outOfBuffers);
    else this.#weigh(peer, bytes);
    return !isTooMuch && peer.isOpen;
  }

  /**
   * Returns the work that it took. Finds the others in the same step, so that of two peers that join at once exactly
   * one finds the other.
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

  /** Introduces a peer and all that were found to each other. */
  *#introduceAll(joiner: Registration, introductions: Introductions): Steps {
    if (introductions.isEmpty || this.#isDraining || !this.#charge(joiner, introductions.work)) return;
    if (joiner.unreadBytes > LIMITS.introductionBacklogBytes) return this.#dismiss(joiner, CLOSE.slowReader);
    yield* inPortions(introductions.others(), (other, common) => {
      // A peer that has gone is not introduced.
      if (joiner.isOpen) this.#tell(other, joiner.peerId, common);
    });
    // It gets all introductions, however many they are.
    yield* inPortions(introductions.peers(), (peerId, common) => this.#send(joiner, peerId, common));
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

  /** To a peer that has not just joined. Its socket is closed if it has not read what was sent before. */
  #tell(listener: Registration, peerId: string, documentIds: readonly string[]): void {
    if (listener.isOpen && listener.isSlow) this.#dismiss(listener, CLOSE.slowReader);
    else this.#send(listener, peerId, documentIds);
  }

  #send(listener: Registration, peerId: string, documentIds: readonly string[]): void {
    if (!listener.isOpen) return;
    this.#options.counters.introductions += 1;
    this.#outbox.push(listener, this.#encoder.encode(peerId, documentIds, listener.dialect));
  }

  #dismiss(peer: Registration, close: Close): void {
    this.#forget(peer);
    peer.socket.close(close);
  }

  #closed(peer: Registration, ending: Ending): void {
    this.#options.counters.closed(ending);
    this.#forget(peer);
    peer.share.close();
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

/** Makes introductions, each in as many portions as it takes. Several short ones are one step. */
function* inPortions<T>(
  groups: Iterable<Group<T>>,
  introduce: (to: T, documentIds: readonly string[]) => void,
): Steps {
  let work = 0;
  for (const { documentIds, members } of groups) {
    for (const part of portions(documentIds)) {
      for (const to of members) {
        introduce(to, part);
        work += LIMITS.introductionWork + part.length * LIMITS.introducedDocumentWork;
        if (work < LIMITS.stepWork) continue;
        work = 0;
        yield;
      }
    }
  }
}

/** What one interest takes in memory: its places in the indexes, and its id, which may need two bytes a unit. */
function weight(documentId: string): number {
  return LIMITS.interestBytes + documentId.length * 2;
}
