/**
 * Events whose names and payloads are known to the type checker, and whose names are checked at run time too.
 *
 * @module
 */

import { callBack } from "./socket/callback.ts";

type Listener<Arguments extends unknown[]> = (...values: Arguments) => void;

interface Registration {
  readonly listener: Listener<never>;
  readonly isOnce: boolean;
}

/** Something that can be listened to. `Events` maps each event to the arguments of its listeners. */
// deno-lint-ignore no-explicit-any -- an interface without index signature must fit
export class Emitter<Events extends { [Name in keyof Events]: any[] }> {
  readonly #registrations = new Map<keyof Events, Registration[]>();

  /** @param names Every event there is. */
  constructor(names: readonly (keyof Events)[]) {
    for (const name of names) this.#registrations.set(name, []);
  }

  /** Calls `listener` at every `event`, after those that were there before it. Throws a `TypeError` for an unknown event. */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): this {
    return this.#add(event, { listener, isOnce: false });
  }

  /** Like `on`, for the next event only. */
  once<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): this {
    return this.#add(event, { listener, isOnce: true });
  }

  /** Takes back a listener wherever it was added to this event; without one, all of them. */
  off<Name extends keyof Events>(event: Name, listener?: Listener<Events[Name]>): this {
    const kept = this.#of(event).filter((registration) => listener && registration.listener !== listener);
    this.#registrations.set(event, kept);
    return this;
  }

  /** Calls all listeners, even if one of them throws: its exception is reported as uncaught. */
  protected emit<Name extends keyof Events>(event: Name, ...values: Events[Name]): void {
    const registrations = this.#of(event);
    this.#registrations.set(event, registrations.filter(({ isOnce }) => !isOnce));
    for (const { listener } of registrations) callBack(listener as Listener<Events[Name]>, ...values);
  }

  #add(event: keyof Events, registration: Registration): this {
    if (typeof registration.listener !== "function") {
      throw new TypeError(`Cannot listen for ${String(event)}: want a function, got ${typeof registration.listener}`);
    }
    this.#registrations.set(event, [...this.#of(event), registration]);
    return this;
  }

  #of(event: keyof Events): Registration[] {
    const registrations = this.#registrations.get(event);
    if (registrations !== undefined) return registrations;
    const known = [...this.#registrations.keys()].join(", ");
    throw new TypeError(`Cannot listen for events: want one of ${known}, got ${String(event)}`);
  }
}
