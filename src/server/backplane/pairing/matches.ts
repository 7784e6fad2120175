/**
 * Finds the two sides of a pair on two instances. What a connection does in which state is in `match_table.ts`.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import type { ConnectionKey } from "../../core/connection_key.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import type { Steps, WorkScheduler } from "../../core/scheduling/work_scheduler.ts";
import type { Matchmaker } from "../../pairing/matchmaker.ts";
import type { LocalServices } from "../backplane.ts";
import type { Bus, Subscription } from "../bus/bus.ts";
import { placeOf } from "../bus/subjects.ts";
import { encodeJson } from "../codec.ts";
import { type Arrival, type ControlMessage, type MessageOf, readMessage } from "../messages.ts";
import type { Address, Links } from "./links.ts";
import { type Actions, type MatchEvent, type State, transitionOf } from "./match_table.ts";

/** What matches need. */
export interface MatchesOptions {
  readonly bus: Bus;
  readonly links: Links;
  readonly clock: Clock;
  readonly services: LocalServices;
  readonly log: Logger;
  readonly scheduler: WorkScheduler;
  /** Whether the connections here take frames as bytes. */
  readonly splices: boolean;
  /** Milliseconds since 1970, by which instances agree on which of two connections is newer. */
  readonly timeOfDay: () => number;
}

/** A connection socket of this instance. */
interface Connection {
  readonly key: ConnectionKey;
  readonly conversation: Conversation;
  readonly side: 0 | 1;
  readonly arrival: Arrival;
  state: State;
  offers: number;
  /** Until when another instance may answer an offer of this connection, in milliseconds of the clock. */
  answerDueAt: number;
  /** Until its next offer. */
  timer?: Timer;
  /** The handle of the connection that it has accepted, and that may still confirm it, however late. */
  accepted?: number;
}

/** What two peers say about one document, with the connections of this instance by their side. */
interface Conversation {
  readonly pair: string;
  readonly subscription: Subscription;
  readonly connections: [Connection | undefined, Connection | undefined];
}

/** A connection of side 0 that has accepted another one, on `instance`. */
interface Reservation {
  readonly connection: Connection;
  readonly instance: string;
  /** Of the other one. */
  readonly arrival: Arrival;
  /** Until it waits for others, too. */
  readonly timer: Timer;
}

/** The connections of this instance, as others get to know of them. */
export class Matches implements Matchmaker {
  readonly #conversations = new Map<string, Conversation>();
  /** By the handle under which this instance will know the other side. */
  readonly #reservations = new Map<number, Reservation>();
  readonly #options: MatchesOptions;

  constructor(options: MatchesOptions) {
    this.#options = options;
  }

  came(key: ConnectionKey, isWaiting: boolean): void {
    const { pair, side } = placeOf(key);
    const conversation = this.#conversations.get(pair) ?? this.#begin(pair);
    const arrival: Arrival = [key.requestedAt ?? this.#options.timeOfDay(), crypto.randomUUID()];
    const answerDueAt = this.#options.clock.now() + LIMITS.offerAgainMs[0];
    const state = isWaiting ? "waiting" : "joined";
    const connection: Connection = { key, conversation, side, arrival, state, offers: 0, answerDueAt };
    conversation.connections[side] = connection;
    if (isWaiting) this.#offerRepeatedly(connection);
    else this.#offer(connection);
  }

  paired(key: ConnectionKey): void {
    this.#happened(this.#find(key), { type: "paired" });
  }

  went(key: ConnectionKey): void {
    this.#happened(this.#find(key), { type: "left" });
  }

  answerDueMs(key: ConnectionKey): number {
    const connection = this.#find(key);
    if (connection === undefined || !this.#options.bus.isConnected) return 0;
    return Math.max(connection.answerDueAt - this.#options.clock.now(), LIMITS.offerOnWayMs);
  }

  /** Offers all connections here to all instances, which may have missed earlier offers. */
  offerAll(): void {
    const { log, scheduler } = this.#options;
    scheduler.run(this.#offerEach(), (error) => log.error("offers to other instances failed: {error}", { error }));
  }

  /** Takes what another instance said to this one. */
  received(message: ControlMessage, sender: string): void {
    switch (message.kind) {
      case "offer":
        return this.#offered(this.#conversations.get(message.pair), message);
      case "accept":
        return this.#accepted(message, sender);
      case "ok":
        return this.#confirmed(message, sender);
      case "gone":
        if (this.#isAsked(sender, message.handle)) this.#declined(message.handle);
        return;
      case "interested":
        return this.#sighted(message);
    }
  }

  /** Waits for no answer of this instance any more. */
  lose(instance: string): void {
    for (const [handle, reservation] of this.#reservations) {
      if (reservation.instance === instance) this.#declined(handle);
    }
  }

  /** Waits for no answer any more. */
  loseAll(): void {
    for (const handle of this.#reservations.keys()) this.#declined(handle);
  }

  #begin(pair: string): Conversation {
    const subscription = this.#options.bus.subscribe(pair, (data) => {
      const message = readMessage(data);
      if (message?.kind === "offer") this.#offered(conversation, message);
    });
    const conversation: Conversation = { pair, subscription, connections: [undefined, undefined] };
    this.#conversations.set(pair, conversation);
    return conversation;
  }

  #find(key: ConnectionKey): Connection | undefined {
    const { pair, side } = placeOf(key);
    return this.#conversations.get(pair)?.connections[side];
  }

  /** Looks up what the connection does now, and does it. Says whether it does anything. */
  #happened(connection: Connection | undefined, event: MatchEvent): boolean {
    const transition = connection && transitionOf(connection, event.type);
    if (connection === undefined || transition === undefined) return false;
    // First the state: what an action does may lead to the next event.
    connection.state = transition.next ?? connection.state;
    const act = this.#actions[transition.action] as (connection: Connection, event: MatchEvent) => void;
    act(connection, event);
    return true;
  }

  readonly #actions: Actions<Connection> = {
    offer: (connection) => this.#offer(connection),
    offerBack: (connection, { offer }) => this.#send(offer.instance, this.#offerOf(connection)),
    supersede: ({ key }) => this.#options.services.supersede(key),
    accept: (connection, { offer }) => this.#accept(connection, offer),
    confirm: (connection, { accept, instance }) => this.#confirm(connection, accept, instance),
    link: ({ key }, { ok, instance }) => {
      this.#link(key, ok.handle, { instance, handle: ok.answer, splices: ok.splices });
    },
    rest: (connection) => this.#rest(connection),
    forget: (connection) => this.#forget(connection),
  };

  /** Now, and again until it is joined: others may not have subscribed before an earlier offer. */
  #offerRepeatedly(connection: Connection): void {
    this.#happened(connection, { type: "offer due" });
    const [ms = LIMITS.offerEveryMs * (0.8 + Math.random() * 0.2)] = LIMITS.offerAgainMs.slice(connection.offers++);
    connection.timer = this.#options.clock.after(ms, () => this.#offerRepeatedly(connection));
  }

  *#offerEach(): Steps {
    for (const { connections } of this.#conversations.values()) {
      for (const connection of connections) if (connection !== undefined) this.#offer(connection);
      yield;
    }
  }

  #offer(connection: Connection): void {
    this.#options.bus.publish(connection.conversation.pair, encodeJson(this.#offerOf(connection)));
  }

  #offerOf({ conversation: { pair }, arrival, side, state }: Connection): MessageOf<"offer"> {
    return { kind: "offer", pair, instance: this.#options.bus.self, arrival, side, waits: state === "waiting" };
  }

  #offered(conversation: Conversation | undefined, offer: MessageOf<"offer">): void {
    const rival = conversation?.connections[offer.side];
    const age = rival === undefined ? 0 : compare(offer.arrival, rival.arrival);
    if (age !== 0) this.#happened(rival, { type: age > 0 ? "newer rival" : "older rival", offer });
    const other = conversation?.connections[offer.side === 0 ? 1 : 0];
    const isAnswered = offer.waits && this.#happened(other, { type: "other side waits", offer });
    if (isAnswered && other !== undefined) other.answerDueAt = this.#options.clock.now() + LIMITS.answerMs;
  }

  #accept(connection: Connection, { instance, arrival }: MessageOf<"offer">): void {
    const handle = this.#reserve(connection, instance, arrival);
    const { pair } = connection.conversation;
    this.#send(instance, { kind: "accept", pair, arrival, handle, splices: this.#splices(connection) });
  }

  /**
   * Whoever was accepted before and offers itself again has not heard of it, or its answer is on its way: that one counts.
   */
  #reserve(connection: Connection, instance: string, arrival: Arrival): number {
    const { accepted } = connection;
    const known = accepted === undefined ? undefined : this.#reservations.get(accepted);
    const isKnown = known?.instance === instance && compare(known.arrival, arrival) === 0;
    const handle = isKnown ? accepted! : this.#options.links.reserve();
    if (accepted !== undefined) this.#release(accepted);
    const timer = this.#options.clock.after(LIMITS.answerMs, () => this.#happened(connection, { type: "declined" }));
    this.#reservations.set(handle, { connection, instance, arrival, timer });
    connection.accepted = handle;
    return handle;
  }

  #accepted(accept: MessageOf<"accept">, instance: string): void {
    const connection = this.#conversations.get(accept.pair)?.connections[1];
    const isMeant = connection !== undefined && compare(accept.arrival, connection.arrival) === 0;
    const isTaken = isMeant && this.#happened(connection, { type: "accepted", accept, instance });
    if (!isTaken) this.#send(instance, { kind: "gone", handle: accept.handle });
  }

  #confirm(connection: Connection, { handle, splices }: MessageOf<"accept">, instance: string): void {
    const answer = this.#options.links.reserve();
    this.#send(instance, { kind: "ok", handle, answer, splices: this.#splices(connection) });
    this.#link(connection.key, answer, { instance, handle, splices });
  }

  #confirmed(ok: MessageOf<"ok">, instance: string): void {
    const connection = this.#isAsked(instance, ok.handle) ? this.#release(ok.handle) : undefined;
    const isLinked = this.#happened(connection, { type: "confirmed", ok, instance });
    if (!isLinked) this.#options.links.decline(instance, ok.answer);
  }

  #declined(handle: number): void {
    this.#happened(this.#release(handle), { type: "declined" });
  }

  /** Only the instance that was asked can answer. */
  #isAsked(instance: string, handle: number): boolean {
    return this.#reservations.get(handle)?.instance === instance;
  }

  /** Ends a reservation. */
  #release(handle: number): Connection | undefined {
    const reservation = this.#reservations.get(handle);
    if (reservation === undefined) return;
    const { connection, timer } = reservation;
    timer.cancel();
    this.#reservations.delete(handle);
    connection.accepted = undefined;
    return connection;
  }

  #rest({ timer, accepted }: Connection): void {
    timer?.cancel();
    if (accepted !== undefined) this.#release(accepted);
  }

  /** @param handle This instance's name for the socket at `address`. */
  #link(key: ConnectionKey, handle: number, address: Address): void {
    const socket = this.#options.links.open(handle, address);
    if (!this.#options.services.joinRemote(key, socket)) socket.terminate();
  }

  #forget(connection: Connection): void {
    const { conversation, side } = connection;
    this.#rest(connection);
    conversation.connections[side] = undefined;
    if (conversation.connections.some((other) => other !== undefined)) return;
    conversation.subscription.cancel();
    this.#conversations.delete(conversation.pair);
  }

  #sighted({ pair, side, isOther }: MessageOf<"interested">): void {
    const connection = this.#conversations.get(pair)?.connections[side];
    if (connection !== undefined) this.#options.services.sighted(connection.key, isOther);
  }

  /** Whether a connection takes frames as bytes. */
  #splices({ key }: Connection): boolean {
    return this.#options.splices && key.isStream !== true;
  }

  #send(instance: string, message: ControlMessage): void {
    this.#options.bus.send(instance, encodeJson(message));
  }
}

/** Positive if the first is newer. */
function compare([ms, random]: Arrival, [otherMs, otherRandom]: Arrival): number {
  if (ms !== otherMs) return ms - otherMs;
  return random === otherRandom ? 0 : random > otherRandom ? 1 : -1;
}
