/**
 * The end of a client that has something left to say: peers that still have to be told hear it before it goes.
 *
 * @module
 */

import type { Environment } from "./client/environment.ts";
import type { Client } from "./client/mod.ts";

/** Whoever takes nothing in this time does not read any more. */
const STALLED_AFTER_MS = 10_000;

/** A connection to a peer that may have to be told something. */
export interface Listening {
  readonly userName: string;
  /** Bytes that have not gone out yet. */
  readonly waiting: number;
}

/** Keeps a client until all has gone out, and meets nobody new meanwhile. */
export class Flush {
  readonly #client: Client;
  readonly #connections: readonly Listening[];
  readonly #environment: Environment;
  #cancelStall = () => {};

  /** @param client One that nobody listens to any more. */
  constructor(client: Client, connections: Iterable<Listening>, environment: Environment) {
    this.#client = client;
    this.#connections = [...connections].filter(({ waiting }) => waiting > 0);
    this.#environment = environment;
    const kept = new Set(this.#connections.map(({ userName }) => userName));
    for (const userName of [...client.peers.keys()]) if (!kept.has(userName)) client.disconnectPeer(userName);
    client.on("peer.connect", ({ userName }) => client.disconnectPeer(userName));
    client.on("peer.disconnect", () => this.check());
    this.#watch(this.#waiting);
    this.check();
  }

  /** To be called whenever something has gone out. */
  check(): void {
    if (this.#waiting === 0) this.stop();
  }

  /** What has not gone out is lost. */
  stop(): void {
    this.#cancelStall();
    this.#client.off("peer.connect").off("peer.disconnect").disconnectServer();
  }

  get #waiting(): number {
    return this.#connections.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  #watch(before: number): void {
    this.#cancelStall = this.#environment.after(STALLED_AFTER_MS, () => {
      if (this.#waiting === before) this.stop();
      else this.#watch(this.#waiting);
    });
  }
}
