/**
 * What a connection of this instance does when something happens to it: state and event give an action and the next
 * state. `matches.ts` finds out what happens, and carries the actions out.
 *
 * Two connections on two instances make a pair exactly once: side 0 accepts one connection at a time, and side 1 is
 * accepted once. Each of the two is the decision of one instance.
 *
 *     side 1 ── offer ──▶ side 0     a connection waits
 *     side 1 ◀─ accept ── side 0     and waits for no other until this is answered, or three seconds have passed
 *     side 1 ─ ok, gone ▶ side 0     after "ok" both are linked
 *
 * @module
 */

import type { MessageOf } from "../messages.ts";

/**
 * - `waiting`: it is pending here, and any connection of the other side may take it.
 * - `reserved`: it is pending here, and has accepted one connection of the other side. Only side 0 comes here.
 * - `joined`: it has its other side, on this instance or on another one.
 * - `gone`: it has left this instance.
 */
export type State = "waiting" | "reserved" | "joined" | "gone";

type Offer = MessageOf<"offer">;

/** What happens to a connection. */
export type MatchEvent =
  /** It is time to offer it to all instances again. */
  | { readonly type: "offer due" }
  /** A connection of the other side waits on another instance. */
  | { readonly type: "other side waits"; readonly offer: Offer }
  /** Another instance has a newer connection of this side. */
  | { readonly type: "newer rival"; readonly offer: Offer }
  /** Another instance has an older connection of this side. */
  | { readonly type: "older rival"; readonly offer: Offer }
  /** Side 0, on `instance`, takes this connection. */
  | { readonly type: "accepted"; readonly accept: MessageOf<"accept">; readonly instance: string }
  /** Side 1, on `instance`, is linked with this connection. */
  | { readonly type: "confirmed"; readonly ok: MessageOf<"ok">; readonly instance: string }
  /** Side 1 waits no more, or its instance does not answer in time. */
  | { readonly type: "declined" }
  /** The broker has joined it with its other side. */
  | { readonly type: "paired" }
  /** The broker has lost it. */
  | { readonly type: "left" };

type EventOf<Type extends MatchEvent["type"]> = Extract<MatchEvent, { type: Type }>;

/** What can be done for a connection. */
export interface Actions<Connection> {
  /** Sends an offer to all instances that have a connection of this pair. */
  offer(connection: Connection, event: MatchEvent): void;
  /** Sends an offer to the instance that made one. */
  offerBack(connection: Connection, event: { readonly offer: Offer }): void;
  /** Ends it: a newer one has taken its place. */
  supersede(connection: Connection, event: MatchEvent): void;
  /** Side 0: takes the connection that is offered. */
  accept(connection: Connection, event: { readonly offer: Offer }): void;
  /** Side 1: confirms that it is taken, and links the two. */
  confirm(connection: Connection, event: EventOf<"accepted">): void;
  /** Side 0: links the two. */
  link(connection: Connection, event: EventOf<"confirmed">): void;
  /** Makes no more offers. */
  rest(connection: Connection, event: MatchEvent): void;
  /** Forgets it. */
  forget(connection: Connection, event: MatchEvent): void;
}

/** The actions that can make something of an event. */
type ActionFor<E extends MatchEvent> = {
  [Name in keyof Actions<never>]: E extends Parameters<Actions<never>[Name]>[1] ? Name : never;
}[keyof Actions<never>];

/** Without `next` the state stays. */
interface Transition<Action> {
  readonly action: Action;
  readonly next?: State;
}

/** The events that matter in one state. */
type Rules = { readonly [Type in MatchEvent["type"]]?: Transition<ActionFor<EventOf<Type>>> };

/** Of two connections of one side the newer one stays, whatever their states. */
const RIVALS: Rules = {
  "newer rival": { action: "supersede" },
  "older rival": { action: "offerBack" },
};

const JOINED: Rules = {
  ...RIVALS,
  "paired": { action: "rest" },
  "left": { action: "forget", next: "gone" },
};

/** By side and state. An event that is not in here changes nothing. */
const TABLE: readonly [side0: Record<State, Rules>, side1: Record<State, Rules>] = [
  {
    waiting: {
      ...RIVALS,
      "offer due": { action: "offer" },
      "other side waits": { action: "accept", next: "reserved" },
      // The answer comes late.
      "confirmed": { action: "link", next: "joined" },
      "paired": { action: "rest", next: "joined" },
      "left": { action: "forget", next: "gone" },
    },
    reserved: {
      ...RIVALS,
      "confirmed": { action: "link", next: "joined" },
      "declined": { action: "offer", next: "waiting" },
      "paired": { action: "rest", next: "joined" },
      "left": { action: "forget", next: "gone" },
    },
    joined: JOINED,
    gone: {},
  },
  {
    waiting: {
      ...RIVALS,
      "offer due": { action: "offer" },
      "other side waits": { action: "offerBack" },
      "accepted": { action: "confirm", next: "joined" },
      "paired": { action: "rest", next: "joined" },
      "left": { action: "forget", next: "gone" },
    },
    reserved: {},
    joined: JOINED,
    gone: {},
  },
];

/** What a connection of this side does in this state, if anything. */
export function transitionOf<Type extends MatchEvent["type"]>(
  { side, state }: { readonly side: 0 | 1; readonly state: State },
  event: Type,
): Transition<ActionFor<EventOf<Type>>> | undefined {
  return TABLE[side][state][event];
}
