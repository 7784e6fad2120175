/**
 * The end of a connection to a peer.
 *
 * @module
 */

import { callBack } from "./callback.ts";

/** How a connection to a peer ended: what a `CloseEvent` says, for platforms without that type too. */
export interface PeerClose {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

type Listener = (event: PeerClose) => void;

/** The end of a connection, which comes once: whoever listens later hears of it, too. */
export class End {
  readonly #listeners: Listener[] = [];
  #event: PeerClose | undefined;

  listen(listener: Listener): void {
    const event = this.#event;
    if (event === undefined) this.#listeners.push(listener);
    // Behind the messages that somebody begins to listen for in the same turn, which come in a microtask.
    else queueMicrotask(() => queueMicrotask(() => callBack(listener, event)));
  }

  come(event: PeerClose): void {
    if (this.#event !== undefined) return;
    this.#event = event;
    for (const listener of this.#listeners) callBack(listener, event);
  }
}
