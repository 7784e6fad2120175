/**
 * Introductions between instances: each announces the joins of its peers to the others, and introduces its own peers.
 *
 * An instance that receives an announcement introduces its peers to the newcomer and answers with them, so that the
 * newcomer's instance does the same. No peer is missed, because each instance subscribes before it announces: of two
 * peers that join at the same instant, the later announcement arrives. Between the servers of a cluster a subscription
 * takes a moment to spread, so each join is announced twice.
 *
 * The peer that joined is charged with the work of the other instances, according to their answers.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { ConnectionKey } from "../../core/connection_key.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { WorkQueue } from "../../core/scheduling/work_queue.ts";
import type { Steps, WorkScheduler } from "../../core/scheduling/work_scheduler.ts";
import type { Announcer } from "../../discovery/announcer.ts";
import type { LocalServices } from "../backplane.ts";
import type { Bus } from "../bus/bus.ts";
import { encodeJson } from "../codec.ts";
import { type MemberEntry, type MessageOf, readMessage } from "../messages.ts";
import { Announcements } from "./announcements.ts";
import { RemoteIntroductions } from "./remote_introductions.ts";
import { type Member, Roster } from "./roster.ts";
import { Sightings } from "./sightings.ts";
import { portions, type Topic } from "./topic.ts";
import { documentSubject, placeOf } from "../bus/subjects.ts";

/** What interests need. */
export interface InterestsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly services: LocalServices;
  readonly scheduler: WorkScheduler;
}

/** A message of another instance, and what is to be done about it. */
interface Task {
  readonly bytes: number;
  readonly steps: () => Steps;
}

/** The interests of this instance's peers, and what other instances say about theirs. */
export class Interests implements Announcer {
  readonly #topics = new Map<string, Topic>();
  readonly #bySubject = new Map<string, Topic>();
  readonly #options: InterestsOptions;
  /** Names this process to those that note the numbers of its joins: its name on the bus may change. */
  readonly #birth = crypto.randomUUID();
  #joins = 0;
  readonly #introductions: RemoteIntroductions;
  readonly #sightings: Sightings;
  readonly #tasks: WorkQueue<Task>;
  /** Bytes of the messages that wait. */
  #taskBytes = 0;
  readonly #announcements: Announcements;

  constructor(options: InterestsOptions) {
    this.#options = options;
    const failed = (error: unknown) => options.log.error("a message of another instance failed: {error}", { error });
    this.#introductions = new RemoteIntroductions({ ...options, failed });
    this.#sightings = new Sightings(options.clock);
    this.#announcements = new Announcements({
      ...options,
      failed,
      topics: this.#topics,
      birth: this.#birth,
      roundBegins: () => this.#sightings.forgetOld(),
      settled: (topic, member) => {
        topic.roster.forget(member);
        this.#closeEmpty(topic);
      },
    });
    this.#tasks = new WorkQueue({ ...options, failed, work: (task) => this.#work(task) });
  }

  added(peerId: string, documentId: string): void {
    const topic = this.#topics.get(documentId) ?? this.#open(documentId);
    topic.roster.add(peerId);
  }

  removed(peerId: string, documentId: string): void {
    const topic = this.#topics.get(documentId);
    topic?.roster.remove(peerId);
    if (topic !== undefined) this.#closeEmpty(topic);
  }

  /** A join that is repeated within a second is announced at the end of it: once a second, whatever a peer does. */
  joined(peerId: string, documentId: string): number {
    const topic = this.#topics.get(documentId);
    const member = topic?.roster.get(peerId);
    if (topic === undefined || member === undefined) return 0;
    const isAnnounced = member.announced === member.join;
    topic.roster.join(member, ++this.#joins);
    if (!member.isDue) this.#announcements.announceTwice(topic, member);
    return isAnnounced ? LIMITS.announcementWork : 0;
  }

  remind({ localId: seeker, remoteId: counterpart, documentId }: ConnectionKey): void {
    const message: MessageOf<"waits"> = { kind: "waits", instance: this.#options.bus.self, seeker, counterpart };
    this.#options.bus.publish(documentSubject(documentId), encodeJson(message));
  }

  /** Announces all interests here to all instances, and asks for theirs. */
  announceAll(): void {
    this.#announcements.announceAll();
  }

  /** Takes an answer. `bytes` is its length on the bus. */
  received(answer: MessageOf<"here">, bytes: number): void {
    this.#later(bytes, () => this.#takeAnswer(answer));
  }

  #open(documentId: string): Topic {
    const subject = documentSubject(documentId);
    const subscription = this.#options.bus.subscribe(subject, (data) => {
      this.#later(data.byteLength, () => this.#take(topic, data));
    });
    const topic: Topic = { documentId, subject, subscription, roster: new Roster() };
    this.#topics.set(documentId, topic);
    this.#bySubject.set(subject, topic);
    this.#announcements.startRounds();
    return topic;
  }

  #closeEmpty(topic: Topic): void {
    if (topic.roster.size > 0) return;
    topic.subscription.cancel();
    this.#topics.delete(topic.documentId);
    this.#bySubject.delete(topic.subject);
    if (this.#topics.size === 0) this.#announcements.stopRounds();
  }

  /** Drops what is too much: everything is announced again within {@link LIMITS.announceEveryMs}. */
  #later(bytes: number, steps: () => Steps): void {
    if (this.#taskBytes + bytes > LIMITS.busBacklogBytes) return;
    this.#taskBytes += bytes;
    this.#tasks.push({ bytes, steps });
  }

  *#work({ bytes, steps }: Task): Steps {
    this.#taskBytes -= bytes;
    yield* steps();
  }

  *#take(topic: Topic, data: Uint8Array<ArrayBuffer>): Steps {
    const message = readMessage(data);
    if (message?.kind === "members") yield* this.#takeMembers(topic, message);
    else if (message?.kind === "waits") this.#takeReminder(topic, message);
  }

  #takeReminder({ roster, documentId }: Topic, { instance, seeker, counterpart }: MessageOf<"waits">): void {
    const waiting = { localId: seeker, remoteId: counterpart, documentId };
    const isOther = roster.isPresent(counterpart);
    if (isOther) this.#options.services.remind(waiting);
    else if (!roster.isPresent(seeker)) return;
    const answer: MessageOf<"interested"> = { kind: "interested", ...placeOf(waiting), isOther };
    this.#options.bus.send(instance, encodeJson(answer));
  }

  *#takeMembers(topic: Topic, { instance, birth, members, asks }: MessageOf<"members">): Steps {
    const here = new Set<Member>();
    for (const entry of members) {
      for (const member of this.#see(topic, birth, entry)) {
        here.add(member);
        this.#introductions.add(member.peerId, entry[0], { documentId: topic.documentId, work: 0 });
      }
      yield* this.#makeRoom();
    }
    if (!asks) return;
    for (const members of portions(here, this.#options.bus)) {
      const answer: MessageOf<"here"> = { kind: "here", document: topic.subject, birth: this.#birth, members };
      this.#options.bus.send(instance, encodeJson(answer));
      yield;
    }
  }

  /** An answer introduces the peer that joined, which is charged with what both instances do. */
  *#takeAnswer({ document, birth, members }: MessageOf<"here">): Steps {
    const topic = this.#bySubject.get(document);
    if (topic === undefined) return;
    for (const entry of members) {
      const [peerId, , sockets] = entry;
      for (const member of this.#see(topic, birth, entry)) {
        const work = (member.sockets + sockets) * LIMITS.introductionWork / 2;
        this.#introductions.add(member.peerId, peerId, { documentId: topic.documentId, work });
      }
      yield* this.#makeRoom();
    }
  }

  *#makeRoom(): Steps {
    if (this.#introductions.isFull) yield* this.#introductions.make();
    yield;
  }

  /** Members here that have not been introduced to this join of a peer on another instance. */
  #see({ subject, roster }: Topic, birth: string, [peerId, join]: MemberEntry): Member[] {
    const introduced = this.#sightings.note(`${subject} ${birth} ${peerId}`, join, this.#joins);
    if (roster.latest <= introduced) return [];
    return roster.joinedSince(introduced, LIMITS.introducedPerDocument, (member) => member.peerId !== peerId);
  }
}
