/**
 * Awareness among the peers of a room: each tells of its own, and those it told of go with it.
 *
 * @module
 */

import {
  applyAwarenessUpdate,
  type Awareness,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";

/** The ids of clients whose states have changed. */
export interface AwarenessChange {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly number[];
}

/** Knows through which peer each state came. */
export class Presence {
  readonly #awareness: Awareness;
  readonly #origin: unknown;
  readonly #learned = new Map<string, Set<number>>();

  /** @param origin What changes that come from peers are marked with. */
  constructor(awareness: Awareness, origin: unknown) {
    this.#awareness = awareness;
    this.#origin = origin;
  }

  /** The states that no peer has told us, or those of them that are among `clients`. Undefined if there is none. */
  encode(clients: Iterable<number> = this.#awareness.getStates().keys()): Uint8Array | undefined {
    const learned = new Set([...this.#learned.values()].flatMap((clients) => [...clients]));
    const own = [...clients].filter((client) => !learned.has(client));
    return own.length === 0 ? undefined : encodeAwarenessUpdate(this.#awareness, own);
  }

  /** Takes over what a peer tells. Throws if that cannot be read. */
  learn(userName: string, update: Uint8Array): void {
    const clients = this.#learned.get(userName) ?? new Set();
    this.#learned.set(userName, clients);
    const note = ({ added, updated }: AwarenessChange) =>
      [...added, ...updated].forEach((client) => clients.add(client));
    this.#awareness.on("update", note);
    try {
      applyAwarenessUpdate(this.#awareness, update, this.#origin);
    } finally {
      this.#awareness.off("update", note);
    }
  }

  /** The peer is gone, and all whom nobody else tells of are gone with it. */
  forget(userName: string): void {
    const clients = this.#learned.get(userName) ?? new Set();
    this.#learned.delete(userName);
    for (const others of this.#learned.values()) others.forEach((client) => clients.delete(client));
    removeAwarenessStates(this.#awareness, [...clients], this.#origin);
    // Or the same states would be taken for old ones when the peer is back.
    for (const client of clients) this.#awareness.meta.delete(client);
  }
}
