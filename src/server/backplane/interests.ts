/**
 * Who is interested in what, between instances: each tells the others of its joins, and each introduces its own peers.
 *
 * An instance that hears of a join introduces its peers to the newcomer and answers with them, so that the newcomer's
 * instance does the same. Nobody is missed, because each instance listens before it speaks: of two that join at the same
 * instant, the one that speaks later is heard. Between the servers of a cluster that takes a moment: so each join is told
 * again.
 *
 * @module
 */

import type { Announcer } from "../discovery/announcer.ts";
import type { Rooms } from "./backplane.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { sample } from "../core/sample.ts";
import type { Claim } from "../core/connection_key.ts";
import type { Bus, Hearing } from "./bus.ts";
import { type Member, type MessageOf, readMessage } from "./messages.ts";
import { documentSubject, placeOf } from "./subjects.ts";
import { encodeJson } from "./frames.ts";

/** What interests need. */
export interface InterestsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly rooms: Rooms;
}

/** A document that peers here are interested in. */
interface Topic {
  readonly documentId: string;
  readonly subject: string;
  readonly hearing: Hearing;
  /** Peers here, with the number of their latest join. */
  readonly members: Map<string, number>;
  /** Peers elsewhere, by their instance's birth and their id. */
  readonly seen: Map<string, Sighting>;
}

/** What is known of a peer elsewhere. A hint: who loses one introduces once more. */
interface Sighting {
  readonly join: number;
  /** Joins here up to this number have been introduced to it. */
  readonly introduced: number;
  readonly at: number;
}

/** The interests of this instance's peers, as others get to know of them. */
export class Interests implements Announcer {
  /** By subject. */
  readonly #topics = new Map<string, Topic>();
  readonly #options: InterestsOptions;
  /** Names this process to those who number its joins: unlike its name on the bus it stays. */
  readonly #birth = crypto.randomUUID();
  #joins = 0;
  readonly #introductions: Introductions;
  readonly #repetitions = new Set<Timer>();
  #round: Iterator<Topic> | undefined;
  #rounds: Timer | undefined;

  constructor(options: InterestsOptions) {
    this.#options = options;
    this.#introductions = new Introductions(options);
  }

  joined(peerId: string, documentIds: readonly string[]): void {
    const topics = documentIds.map((id) => this.#join(peerId, id));
    for (const topic of topics) this.#announce(topic, [peerId], true);
    this.#repeat(peerId, topics);
    this.#rounds ??= this.#options.clock.after(LIMITS.roundMs, () => this.#goRound());
  }

  left(peerId: string, documentId: string): void {
    const topic = this.#topics.get(documentSubject(documentId));
    if (!topic?.members.delete(peerId) || topic.members.size > 0) return;
    topic.hearing.cancel();
    this.#topics.delete(topic.subject);
    if (this.#topics.size === 0) this.#rest();
  }

  /** Tells the counterpart of a seeker that it is waited for. */
  remind({ localId: seeker, remoteId: counterpart, documentId }: Claim): void {
    const message: MessageOf<"waits"> = { kind: "waits", instance: this.#options.bus.self, seeker, counterpart };
    this.#options.bus.publish(documentSubject(documentId), encodeJson(message));
  }

  /** Tells all instances of all interests here, and asks for theirs. */
  announceAll(): void {
    for (const topic of this.#topics.values()) this.#announce(topic, [...topic.members.keys()], true);
  }

  /** Takes an answer. */
  received({ document, birth, members }: MessageOf<"here">): void {
    const topic = this.#topics.get(document);
    if (topic !== undefined) { for (const member of members) this.#see(topic, birth, member); }
  }

  #join(peerId: string, documentId: string): Topic {
    const subject = documentSubject(documentId);
    const topic = this.#topics.get(subject) ?? this.#open(documentId, subject);
    topic.members.set(peerId, ++this.#joins);
    return topic;
  }

  #open(documentId: string, subject: string): Topic {
    const hearing = this.#options.bus.hear(subject, (data) => {
      const message = readMessage(data);
      if (message?.kind === "members") this.#heard(topic, message);
      else if (message?.kind === "waits") this.#reminded(topic, message);
    });
    const topic: Topic = { documentId, subject, hearing, members: new Map(), seen: new Map() };
    this.#topics.set(subject, topic);
    return topic;
  }

  /** @param asks Others shall answer with their own. */
  #announce(topic: Topic, peerIds: readonly string[], asks: boolean): void {
    const instance = this.#options.bus.self;
    for (const members of this.#portions(membersOf(topic, peerIds))) {
      const message: MessageOf<"members"> = { kind: "members", instance, birth: this.#birth, members, asks };
      this.#options.bus.publish(topic.subject, encodeJson(message));
    }
  }

  #repeat(peerId: string, topics: readonly Topic[]): void {
    const ms = LIMITS.announceAgainMs * (0.5 + Math.random());
    const timer = this.#options.clock.after(ms, () => {
      this.#repetitions.delete(timer);
      for (const topic of topics) this.#announce(topic, [peerId], true);
    });
    this.#repetitions.add(timer);
  }

  #heard(topic: Topic, { instance, birth, members, asks }: MessageOf<"members">): void {
    const here = new Set(members.flatMap((member) => this.#see(topic, birth, member)));
    if (!asks || here.size === 0) return;
    for (const members of this.#portions(membersOf(topic, [...here]))) {
      const answer: MessageOf<"here"> = { kind: "here", document: topic.subject, birth: this.#birth, members };
      this.#options.bus.send(instance, encodeJson(answer));
    }
  }

  #reminded({ members, documentId }: Topic, { instance, seeker, counterpart }: MessageOf<"waits">): void {
    const isOther = members.has(counterpart);
    if (isOther) this.#introductions.add(counterpart, seeker, documentId);
    else if (!members.has(seeker)) return;
    const place = placeOf({ localId: seeker, remoteId: counterpart, documentId });
    const answer: MessageOf<"interested"> = { kind: "interested", ...place, isOther };
    this.#options.bus.send(instance, encodeJson(answer));
  }

  /** Introduces a peer elsewhere to those here who have not been introduced to this join of it. Gives their ids. */
  #see(topic: Topic, birth: string, [peerId, join]: Member): string[] {
    const key = JSON.stringify([birth, peerId]);
    const known = topic.seen.get(key);
    if (known !== undefined && join < known.join) return [];
    const introduced = known?.join === join ? known.introduced : 0;
    topic.seen.set(key, { join, introduced: this.#joins, at: this.#options.clock.now() });
    const strangers = [...topic.members].filter(([id, number]) => number > introduced && id !== peerId);
    const ids = sample(strangers, LIMITS.introducedPerDocument).map(([id]) => id);
    for (const id of ids) this.#introductions.add(id, peerId, topic.documentId);
    return ids;
  }

  *#portions(members: readonly Member[]): Iterable<Member[]> {
    let portion: Member[] = [];
    let bytes = 0;
    for (const member of members) {
      // An escaped UTF-16 unit takes six bytes, and the rest of an entry is short.
      const size = member[0].length * 6 + 32;
      if (portion.length > 0 && bytes + size > this.#options.bus.maxPayload / 2) {
        yield portion;
        portion = [];
        bytes = 0;
      }
      portion.push(member);
      bytes += size;
    }
    if (portion.length > 0) yield portion;
  }

  /** Tells of a part of the interests again, so that all are told of in {@link LIMITS.announceEveryMs}. */
  #goRound(): void {
    this.#rounds = this.#options.clock.after(LIMITS.roundMs, () => this.#goRound());
    const share = Math.ceil(this.#topics.size * LIMITS.roundMs / LIMITS.announceEveryMs);
    for (let i = 0; i < share; i++) {
      const topic = this.#nextTopic();
      if (topic === undefined) return;
      this.#announce(topic, [...topic.members.keys()], false);
      this.#forgetOld(topic);
    }
  }

  #nextTopic(): Topic | undefined {
    const next = (this.#round ??= this.#topics.values()).next();
    if (!next.done) return next.value;
    this.#round = undefined;
  }

  /** Who has not been told of for several rounds is not there any more. */
  #forgetOld({ seen }: Topic): void {
    const oldest = this.#options.clock.now() - LIMITS.announceEveryMs * 3;
    for (const [key, { at }] of seen) if (at < oldest) seen.delete(key);
  }

  #rest(): void {
    this.#rounds?.cancel();
    this.#rounds = undefined;
    for (const timer of this.#repetitions) timer.cancel();
    this.#repetitions.clear();
  }
}

/** Introductions that fall due in the same turn: one for each two peers, with all documents. */
class Introductions {
  readonly #options: InterestsOptions;
  /** By the peer here and the peer elsewhere. */
  readonly #due = new Map<string, Map<string, Set<string>>>();
  #timer: Timer | undefined;

  constructor(options: InterestsOptions) {
    this.#options = options;
  }

  add(listenerId: string, peerId: string, documentId: string): void {
    const peers = this.#due.get(listenerId) ?? new Map<string, Set<string>>();
    const documents = peers.get(peerId) ?? new Set();
    this.#due.set(listenerId, peers.set(peerId, documents.add(documentId)));
    this.#timer ??= this.#options.clock.after(0, () => this.#make());
  }

  #make(): void {
    this.#timer = undefined;
    const due = [...this.#due];
    this.#due.clear();
    for (const [listenerId, peers] of due) {
      for (const [peerId, documents] of peers) this.#options.rooms.introduce(listenerId, peerId, [...documents]);
    }
  }
}

/** Those of the peers who are still interested. */
function membersOf({ members }: Topic, peerIds: readonly string[]): Member[] {
  return peerIds.flatMap((id) => {
    const join = members.get(id);
    return join === undefined ? [] : [[id, join] as const];
  });
}
