/**
 * What comes from a peer, in order, kept until the application listens for it.
 *
 * @module
 */

import { callBack } from "./callback.ts";

/** What comes from a peer: text as a string, binary as an `ArrayBuffer`. */
export type PeerData = string | ArrayBuffer;

/** As much as a relay keeps for a peer that is not there yet. */
const MOST_BYTES = 1024 * 1024;
/** What keeping a message costs besides its content, in bytes: an empty one is not free. */
const COST_OF_MESSAGE = 64;

type DataListener = (data: PeerData) => void;

/** Hands messages to whoever listens. The first to listen gets those that came before, in a microtask. */
export class Inbox {
  readonly #listeners: DataListener[] = [];
  #kept: PeerData[] = [];
  #keptBytes = 0;
  /** Messages are given up, kept for the first listener, or handed on as they come. */
  #state: "lost" | "keeping" | "flowing" = "keeping";

  /** Here is a message. */
  receive(data: PeerData): void {
    if (this.#state === "keeping") this.#keep(data);
    else this.#deliver(data);
  }

  /**
   * Calls `listener` with every message, those included that came before the first listener. Throws an `Error` when
   * these were more than 1 MiB: they are gone, and to go on as if nothing had been said would be wrong.
   */
  listen(listener: DataListener): void {
    if (this.#state === "lost") {
      throw new Error(`Cannot listen for data: want a listener before ${MOST_BYTES} bytes have come, got one after`);
    }
    this.#listeners.push(listener);
    if (this.#state === "flowing") return;
    if (this.#kept.length === 0) this.#state = "flowing";
    else if (this.#listeners.length === 1) queueMicrotask(() => this.#flow());
  }

  /** The application reads in another way: nothing is kept for it. */
  forgo(): void {
    if (this.#listeners.length > 0) return;
    this.#state = "flowing";
    this.#kept = [];
  }

  #keep(data: PeerData): void {
    this.#keptBytes += sizeOf(data) + COST_OF_MESSAGE;
    this.#kept.push(data);
    if (this.#keptBytes <= MOST_BYTES || this.#listeners.length > 0) return;
    this.#state = "lost";
    this.#kept = [];
  }

  /** Not in the turn of the first `listen()`: whoever calls it may have more listeners, and more to prepare. */
  #flow(): void {
    for (const data of this.#kept) this.#deliver(data); // those included that come meanwhile
    this.#kept = [];
    this.#state = "flowing";
  }

  #deliver(data: PeerData): void {
    for (const listener of [...this.#listeners]) callBack(listener, data);
  }
}

/** Bytes, or units of text. Who asks for a `Blob` gets that. */
function sizeOf(data: PeerData | Blob): number {
  if (typeof data === "string") return data.length;
  return "byteLength" in data ? data.byteLength : data.size;
}
