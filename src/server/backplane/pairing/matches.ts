/**
 * Finds the two halves of a pair on two instances, and makes each pair exactly once.
 *
 *     both    offer                          to all who have a half of this pair, when one comes and while it waits
 *     side 1  offer → instance of side 0     when it hears of a side 0 that waits
 *     side 0  accept → instance of side 1    and waits for no other until it is answered
 *     side 1  ok | gone → side 0             from "ok" on, both are linked
 *
 * Side 0 reserves itself for one offer at a time, and side 1 leaves its wait once: each is the decision of one instance.
 *
 * @module
 */

import type { Matchmaker } from "../../pairing/matchmaker.ts";
import type { Rooms } from "../backplane.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import type { ConnectionKey } from "../../core/connection_key.ts";
import type { Steps, WorkScheduler } from "../../core/work_scheduler.ts";
import type { Bus, Hearing } from "../bus/bus.ts";
import type { Links } from "./links.ts";
import { type Arrival, type ControlMessage, type MessageOf, readMessage } from "../messages.ts";
import { placeOf } from "../bus/subjects.ts";
import { encodeJson } from "../codec.ts";

/** What matches need. */
export interface MatchesOptions {
  readonly bus: Bus;
  readonly links: Links;
  readonly clock: Clock;
  readonly rooms: Rooms;
  readonly log: Logger;
  readonly scheduler: WorkScheduler;
  /** Whether the connections here take frames as bytes. */
  readonly splices: boolean;
  /** Milliseconds since 1970, by which instances agree on which of two connections is newer. */
  readonly timeOfDay: () => number;
}

/** A connection here. */
interface Half {
  readonly claim: ConnectionKey;
  readonly side: 0 | 1;
  readonly arrival: Arrival;
  state: "waiting" | "reserved" | "joined";
  offers: number;
  /** Until when an answer may come to what was said for it, in milliseconds of the clock. */
  answeredUntil: number;
  /** Until its next offer. */
  timer?: Timer;
}

/** Those of one pair, by their side. */
interface Meeting {
  readonly pair: string;
  readonly hearing: Hearing;
  readonly halves: [Half | undefined, Half | undefined];
}

/** A side 0 that waits for an answer. */
interface Reservation {
  readonly meeting: Meeting;
  readonly half: Half;
  readonly instance: string;
  readonly timer: Timer;
}

/** The connections of this instance, as others get to know of them. */
export class Matches implements Matchmaker {
  readonly #meetings = new Map<string, Meeting>();
  /** By the handle under which the other half will be known. */
  readonly #reservations = new Map<number, Reservation>();
  readonly #options: MatchesOptions;

  constructor(options: MatchesOptions) {
    this.#options = options;
  }

  came(claim: ConnectionKey, isWaiting: boolean): void {
    const { pair, side } = placeOf(claim);
    const meeting = this.#meetings.get(pair) ?? this.#arrange(pair);
    const arrival: Arrival = [claim.requestedAt ?? this.#options.timeOfDay(), crypto.randomUUID()];
    const answeredUntil = this.#options.clock.now() + LIMITS.offerAgainMs[0];
    const half: Half = { claim, side, arrival, state: isWaiting ? "waiting" : "joined", offers: 0, answeredUntil };
    meeting.halves[side] = half;
    if (isWaiting) this.#offerAgain(meeting, half);
    else this.#offer(meeting, half);
  }

  paired(claim: ConnectionKey): void {
    const half = this.#find(claim)?.half;
    if (half === undefined) return;
    half.state = "joined";
    half.timer?.cancel();
  }

  went(claim: ConnectionKey): void {
    const { meeting, half } = this.#find(claim) ?? {};
    if (meeting === undefined || half === undefined) return;
    half.state = "joined";
    half.timer?.cancel();
    meeting.halves[half.side] = undefined;
    if (meeting.halves.some((other) => other !== undefined)) return;
    meeting.hearing.cancel();
    this.#meetings.delete(meeting.pair);
  }

  lingerMs(claim: ConnectionKey): number {
    const half = this.#find(claim)?.half;
    return half === undefined || !this.#options.bus.isConnected ? 0 : half.answeredUntil - this.#options.clock.now();
  }

  /** Tells all instances of all halves here: they may not have heard. */
  offerAll(): void {
    const { log, scheduler } = this.#options;
    scheduler.run(this.#offerEach(), (error) => log.error("offers to other instances failed: {error}", { error }));
  }

  /** Takes what another instance said to this one. */
  received(message: ControlMessage, sender: string): void {
    if (message.kind === "accept") return this.#accepted(message, sender);
    if (message.kind === "ok") return this.#linked(message, sender);
    if (message.kind === "interested") return this.#sighted(message);
    if (message.kind === "gone") return this.#declined(message, sender);
    if (message.kind !== "offer") return;
    const meeting = this.#meetings.get(message.pair);
    if (meeting !== undefined) this.#offered(meeting, message);
  }

  /** Waits no longer for an answer of this instance. */
  lose(instance: string): void {
    for (const [handle, reservation] of this.#reservations) {
      if (reservation.instance === instance) this.#unreserve(handle);
    }
  }

  /** Waits for nobody's answer any more. */
  loseAll(): void {
    for (const handle of this.#reservations.keys()) this.#unreserve(handle);
  }

  #sighted({ pair, side, isOther }: MessageOf<"interested">): void {
    const half = this.#meetings.get(pair)?.halves[side];
    if (half !== undefined) this.#options.rooms.sighted(half.claim, isOther);
  }

  #arrange(pair: string): Meeting {
    const hearing = this.#options.bus.hear(pair, (data) => {
      const message = readMessage(data);
      if (message?.kind === "offer") this.#offered(meeting, message);
    });
    const meeting: Meeting = { pair, hearing, halves: [undefined, undefined] };
    this.#meetings.set(pair, meeting);
    return meeting;
  }

  #find(claim: ConnectionKey): { meeting: Meeting; half: Half | undefined } | undefined {
    const { pair, side } = placeOf(claim);
    const meeting = this.#meetings.get(pair);
    return meeting && { meeting, half: meeting.halves[side] };
  }

  *#offerEach(): Steps {
    for (const meeting of this.#meetings.values()) {
      for (const half of meeting.halves) if (half !== undefined) this.#offer(meeting, half);
      yield;
    }
  }

  #offer(meeting: Meeting, half: Half): void {
    this.#options.bus.publish(meeting.pair, encodeJson(this.#offerOf(meeting, half)));
  }

  #offerOf({ pair }: Meeting, { arrival, side, state }: Half): MessageOf<"offer"> {
    return { kind: "offer", pair, instance: this.#options.bus.self, arrival, side, waits: state === "waiting" };
  }

  /** Now, and again while it waits: an offer may have been made before others could hear it. */
  #offerAgain(meeting: Meeting, half: Half): void {
    if (half.state === "waiting") this.#offer(meeting, half);
    const [ms = LIMITS.offerEveryMs * (0.8 + Math.random() * 0.2)] = LIMITS.offerAgainMs.slice(half.offers++);
    half.timer = this.#options.clock.after(ms, () => this.#offerAgain(meeting, half));
  }

  #offered(meeting: Meeting, offer: MessageOf<"offer">): void {
    const rival = meeting.halves[offer.side];
    if (rival !== undefined) this.#contest(meeting, rival, offer);
    const half = meeting.halves[offer.side === 0 ? 1 : 0];
    if (half?.state !== "waiting" || !offer.waits) return;
    half.answeredUntil = this.#options.clock.now() + LIMITS.answerMs;
    if (half.side === 0) this.#reserve(meeting, half, offer);
    else this.#tell(offer.instance, this.#offerOf(meeting, half));
  }

  /** Of two connections of one side the newer stays. */
  #contest(meeting: Meeting, rival: Half, offer: MessageOf<"offer">): void {
    const age = compare(offer.arrival, rival.arrival);
    if (age > 0) this.#options.rooms.supersede(rival.claim);
    else if (age < 0) this.#tell(offer.instance, this.#offerOf(meeting, rival));
  }

  #reserve(meeting: Meeting, half: Half, { instance, arrival }: MessageOf<"offer">): void {
    const { links, clock } = this.#options;
    const splices = this.#splices(half);
    const handle = links.reserve();
    const timer = clock.after(LIMITS.answerMs, () => this.#unreserve(handle));
    half.state = "reserved";
    this.#reservations.set(handle, { meeting, half, instance, timer });
    this.#tell(instance, { kind: "accept", pair: meeting.pair, arrival, handle, splices });
  }

  /** Whether a half takes frames as bytes. */
  #splices({ claim }: Half): boolean {
    return this.#options.splices && claim.isStream !== true;
  }

  /** Ends a reservation. The half, if it still waits, is there for others again. */
  #unreserve(handle: number): void {
    const reservation = this.#take(handle);
    if (reservation?.half.state !== "reserved") return;
    reservation.half.state = "waiting";
    this.#offer(reservation.meeting, reservation.half);
  }

  #take(handle: number): Reservation | undefined {
    const reservation = this.#reservations.get(handle);
    reservation?.timer.cancel();
    this.#reservations.delete(handle);
    return reservation;
  }

  #accepted({ pair, arrival, handle, splices }: MessageOf<"accept">, instance: string): void {
    const half = this.#meetings.get(pair)?.halves[1];
    if (half?.state !== "waiting" || compare(arrival, half.arrival) !== 0) {
      return this.#tell(instance, { kind: "gone", handle });
    }
    const answer = this.#options.links.reserve();
    this.#tell(instance, { kind: "ok", handle, answer, splices: this.#splices(half) });
    this.#join(half, answer, { instance, handle, splices });
  }

  /** Only the instance that was asked can answer. */
  #declined({ handle }: MessageOf<"gone">, instance: string): void {
    if (this.#reservations.get(handle)?.instance === instance) this.#unreserve(handle);
  }

  #linked({ handle, answer, splices }: MessageOf<"ok">, instance: string): void {
    const isAnswer = this.#reservations.get(handle)?.instance === instance;
    const half = isAnswer ? this.#take(handle)?.half : undefined;
    if (half?.state !== "reserved") return this.#options.links.decline(instance, answer);
    this.#join(half, handle, { instance, handle: answer, splices });
  }

  /** The room says that the half is joined by {@link paired}. */
  #join(half: Half, handle: number, address: { instance: string; handle: number; splices: boolean }): void {
    const socket = this.#options.links.open(handle, address);
    if (!this.#options.rooms.joinRemote(half.claim, socket)) socket.terminate();
  }

  #tell(instance: string, message: ControlMessage): void {
    this.#options.bus.send(instance, encodeJson(message));
  }
}

/** Positive if the first is newer. */
function compare([ms, random]: Arrival, [otherMs, otherRandom]: Arrival): number {
  if (ms !== otherMs) return ms - otherMs;
  return random === otherRandom ? 0 : random > otherRandom ? 1 : -1;
}
