/**
 * Awareness among peers: each tells of its own, and whom only it told of goes with it.
 *
 * @module
 */

import {
  applyAwarenessUpdate,
  type Awareness,
  encodeAwarenessUpdate,
  outdatedTimeout,
  removeAwarenessStates,
} from "y-protocols/awareness";

/** How often y-protocols looks whether a state has to be renewed, in milliseconds. */
const RENEWAL_CHECK_MS = outdatedTimeout / 10;

/** Where an awareness keeps what peers have told: rooms at several relays can share one. */
const PRESENCE = Symbol("presence");

/** The ids of clients whose states have changed. */
export interface AwarenessChange {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly number[];
}

/** Knows which states each peer has told, in all rooms that share an awareness. */
export class Presence {
  readonly #awareness: Awareness;
  readonly #told = new Map<object, Told>();
  /** Of the change that is being made. */
  #origin: unknown;

  /** The one of this awareness. */
  static of(awareness: Awareness & { [PRESENCE]?: Presence }): Presence {
    return awareness[PRESENCE] ??= new Presence(awareness);
  }

  private constructor(awareness: Awareness) {
    this.#awareness = awareness;
  }

  /** Whether a change with this origin is one that a peer has told, in any room. */
  isTold(origin: unknown): boolean {
    return this.#origin !== undefined && this.#origin === origin;
  }

  /** The states that no peer has told us, or those of them that are among `clients`. Undefined if there is none. */
  encode(clients: Iterable<number> = this.#awareness.getStates().keys()): Uint8Array | undefined {
    const told = new Set([...this.#told.values()].flatMap(({ states }) => [...states.keys()]));
    told.delete(this.#awareness.clientID);
    const own = [...clients].filter((client) => !told.has(client));
    return own.length === 0 ? undefined : encodeAwarenessUpdate(this.#awareness, own);
  }

  /**
   * Takes over what a peer tells. Throws if that cannot be read.
   *
   * @param origin What the change is marked with.
   */
  learn(peer: object, update: Uint8Array, origin: unknown): void {
    const told = this.#told.get(peer) ?? new Told();
    this.#told.set(peer, told);
    const clients = told.learn(update);
    const { clientID } = this.#awareness;
    if (clients.delete(clientID)) this.#outdo(told);
    this.#apply(told, [...clients], origin);
    for (const client of clients) if (!told.states.has(client)) this.#revive(client, origin);
  }

  /** The peer is gone, and all whom nobody else tells of are gone with it. */
  forget(peer: object, origin: unknown): void {
    const clients = new Set(this.#told.get(peer)?.states.keys());
    this.#told.delete(peer);
    clients.delete(this.#awareness.clientID);
    const lost = [...clients].filter((client) => !this.#revive(client, origin));
    try {
      this.#mark(origin, () => removeAwarenessStates(this.#awareness, lost, origin));
    } finally {
      // Or the same states would be taken for old ones when the peer is back.
      for (const client of lost) this.#awareness.meta.delete(client);
    }
  }

  /** Another provider of the same awareness took these for gone, as it has lost them itself. */
  restore(clients: readonly number[], origin: unknown): void {
    for (const client of clients) {
      const { clock = 0 } = this.#awareness.meta.get(client) ?? {};
      if (!this.#awareness.states.has(client) && this.#latest(client) >= clock) this.#revive(client, origin);
    }
  }

  /**
   * A peer has our own client id: another provider of the same document, in the same page. What it tells of itself is not
   * ours; but for everybody else the latest of all changes has to be the one that counts. Who has changed less often is the
   * younger one, as after a hot reload, and tells at once.
   */
  #outdo(told: Told): void {
    const { clientID, meta } = this.#awareness;
    const { clock } = told.meta.get(clientID)!;
    const own = meta.get(clientID);
    if (own === undefined || own.clock > clock) return;
    // What it does not renew before the other has done so does not come back as news.
    meta.set(clientID, { clock, lastUpdated: Date.now() + RENEWAL_CHECK_MS });
    const state = this.#awareness.getLocalState();
    if (told.isNew(clientID) && state !== null) this.#awareness.setLocalState(state);
  }

  /** Puts the latest state of a client that any peer tells in place. False if none does. */
  #revive(client: number, origin: unknown): boolean {
    const clock = this.#latest(client);
    const told = [...this.#told.values()].find(({ states, meta }) =>
      states.has(client) && meta.get(client)!.clock === clock
    );
    if (told === undefined) return false;
    const { meta, states } = this.#awareness;
    if (states.has(client) && meta.get(client)?.clock === clock) return true;
    meta.set(client, { clock: clock - 1, lastUpdated: Date.now() }); // it may be older than what is there
    this.#apply(told, [client], origin);
    return true;
  }

  /** The clock of the latest state of a client; -1 if no peer tells any. */
  #latest(client: number): number {
    const tellers = [...this.#told.values()].filter(({ states }) => states.has(client));
    return Math.max(-1, ...tellers.map(({ meta }) => meta.get(client)!.clock));
  }

  #apply(told: Told, clients: number[], origin: unknown): void {
    this.#mark(origin, () => applyAwarenessUpdate(this.#awareness, told.encode(clients), origin));
  }

  #mark(origin: unknown, change: () => void): void {
    const before = this.#origin;
    this.#origin = origin;
    try {
      change();
    } finally {
      this.#origin = before;
    }
  }
}

/** What one peer has told: as much of an awareness as y-protocols needs to read and write updates. */
class Told {
  readonly clientID = -1; // nobody's
  readonly states = new Map<number, Record<string, unknown>>();
  readonly meta = new Map<number, { clock: number; lastUpdated: number }>();
  #changed: number[] = [];
  #news = new Set<number>();

  /** The clients of whom this says something new. */
  learn(update: Uint8Array): Set<number> {
    this.#changed = [];
    this.#news.clear();
    applyAwarenessUpdate(this.#asAwareness, update, undefined);
    return new Set(this.#changed);
  }

  encode(clients: number[]): Uint8Array {
    return encodeAwarenessUpdate(this.#asAwareness, clients);
  }

  /** Whether the latest update was the first to tell of this client. */
  isNew(client: number): boolean {
    return this.#news.has(client);
  }

  getLocalState(): null {
    return null;
  }

  /** Called by y-protocols. */
  emit(event: string, [{ added, updated, removed }]: [AwarenessChange]): void {
    if (event !== "update") return;
    this.#changed = [...added, ...updated, ...removed];
    this.#news = new Set(added);
  }

  get #asAwareness(): Awareness {
    return this as unknown as Awareness;
  }
}
