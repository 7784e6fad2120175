/**
 * Announces the interests of this instance's peers to other instances: each join twice, and all interests once a minute,
 * which makes up for lost messages.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import { Queue } from "../../core/queue.ts";
import type { Steps, WorkScheduler } from "../../core/scheduling/work_scheduler.ts";
import type { Bus } from "../bus/bus.ts";
import { encodeJson } from "../codec.ts";
import type { MemberEntry, MessageOf } from "../messages.ts";
import type { Member } from "./roster.ts";
import { portions, type Topic } from "./topic.ts";

/** What announcements need. */
export interface AnnouncementsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly scheduler: WorkScheduler;
  /** All topics of this instance; it may change at any time. */
  readonly topics: ReadonlyMap<string, Topic>;
  /** Names this process to those that note the numbers of its joins: its name on the bus may change. */
  readonly birth: string;
  readonly failed: (error: unknown) => void;
  /** Called when a round begins, every {@link LIMITS.roundMs} while there are topics. */
  readonly roundBegins: () => void;
  /** A member that had left has no announcement due any more. */
  readonly settled: (topic: Topic, member: Member) => void;
}

/** The second announcement of a join. */
interface Repetition {
  readonly topic: Topic;
  readonly member: Member;
  /** In milliseconds of the clock. */
  readonly at: number;
}

/** What this instance tells the others about its peers. */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #repetitions = new Queue<Repetition>();
  #repeating: Timer | undefined;
  /** Where the present round is. */
  #round: Iterator<Topic> | undefined;
  #rounds: Timer | undefined;
  /** Topics, and parts of one, that should have been announced in the present round. */
  #owed = 0;
  /** How often everything was announced. */
  #epoch = 0;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** Announces a join at once, and again when a cluster has had the time to spread the interest. */
  announceTwice(topic: Topic, member: Member): void {
    this.#announce(topic, member);
    member.isDue = true;
    this.#repetitions.push({ topic, member, at: this.#options.clock.now() + LIMITS.announceAgainMs });
    this.#awaitRepetition();
  }

  /** Announces all interests here to all instances, and asks for theirs. */
  announceAll(): void {
    this.#run(this.#announceEach(++this.#epoch));
  }

  /** Begins to announce all interests again and again. */
  startRounds(): void {
    this.#rounds ??= this.#options.clock.after(LIMITS.roundMs, () => this.#goRound());
  }

  stopRounds(): void {
    this.#rounds?.cancel();
    this.#rounds = undefined;
  }

  #run(steps: Steps): void {
    this.#options.scheduler.run(steps, this.#options.failed);
  }

  #announce(topic: Topic, member: Member): void {
    member.announced = member.join;
    this.#publish(topic, [[member.peerId, member.join, member.sockets]], true);
  }

  /** @param asks Whether the others answer with their own members. */
  #publish(topic: Topic, members: MemberEntry[], asks: boolean): void {
    const { bus, birth } = this.#options;
    const message: MessageOf<"members"> = { kind: "members", instance: bus.self, birth, members, asks };
    bus.publish(topic.subject, encodeJson(message));
  }

  #awaitRepetition(): void {
    const next = this.#repetitions.peek();
    if (next === undefined) return;
    const { clock } = this.#options;
    this.#repeating ??= clock.after(Math.max(0, next.at - clock.now()), () => {
      this.#repeating = undefined;
      this.#run(this.#repeatDue());
    });
  }

  *#repeatDue(): Steps {
    const now = this.#options.clock.now();
    for (let next = this.#repetitions.peek(); next !== undefined && next.at <= now; next = this.#repetitions.peek()) {
      this.#repetitions.shift();
      this.#repeat(next);
      yield;
    }
    this.#awaitRepetition();
  }

  #repeat({ topic, member }: Repetition): void {
    member.isDue = false;
    const isNew = member.announced !== member.join;
    if (member.sockets > 0 && isNew) return this.announceTwice(topic, member);
    if (member.sockets > 0) return this.#announce(topic, member);
    this.#options.settled(topic, member);
  }

  *#announceEach(epoch: number): Steps {
    for (const topic of this.#options.topics.values()) {
      if (epoch !== this.#epoch) return;
      yield* this.#announceTopic(topic, true);
    }
  }

  *#announceTopic(topic: Topic, asks: boolean): Steps {
    for (const members of portions(topic.roster.present(), this.#options.bus)) {
      this.#publish(topic, members, asks);
      yield;
    }
  }

  /** Announces a part of the interests again, so that all are announced within {@link LIMITS.announceEveryMs}. */
  #goRound(): void {
    this.#rounds = this.#options.clock.after(LIMITS.roundMs, () => this.#goRound());
    this.#options.roundBegins();
    this.#owed += this.#options.topics.size * LIMITS.roundMs / LIMITS.announceEveryMs;
    this.#run(this.#announceOwed());
  }

  *#announceOwed(): Steps {
    for (; this.#owed >= 1; this.#owed--) {
      const topic = this.#nextTopic();
      if (topic === undefined) return;
      yield* this.#announceTopic(topic, false);
    }
  }

  #nextTopic(): Topic | undefined {
    const next = (this.#round ??= this.#options.topics.values()).next();
    if (!next.done) return next.value;
    this.#round = undefined;
  }
}
