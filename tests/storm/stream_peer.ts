/**
 * A peer that has one socket of protocol 5 at a time for its streams, and another when that one leaves.
 *
 * @module
 */

import { introductionPath, type Opening } from "../../src/protocol.ts";
import type { Pace } from "../helpers/pace.ts";
import { within } from "../helpers/process.ts";
import type { Target } from "../helpers/raw.ts";
import type { Chance } from "../soak/chance.ts";
import type { Departure } from "./socket.ts";
import type { StreamSide, StreamSideOptions } from "./stream_side.ts";
import { StreamSocket } from "./stream_socket.ts";

/** Who and where. */
export interface StreamPeerOptions {
  readonly target: () => Target;
  readonly id: string;
  readonly chance: Chance;
  readonly pace: Pace;
  readonly isLate: () => boolean;
}

/** A stream, and the socket that it is in. */
export interface OpenStream {
  readonly stream: StreamSide;
  readonly socket: StreamSocket;
}

/** How often a socket leaves in which way. */
const DEPARTURES: Record<Departure, number> = {
  "close": 3,
  "close in a message": 1,
  "FIN": 3,
  "FIN in a frame": 2,
  "RST": 2,
  "RST in a frame": 2,
};
/** Frames of records before that. */
const LEAST = 20;
const LONGEST = 250;

/** The relay has to let go of them within this, on a machine that may be busy. */
const PATIENCE_SECONDS = 60;

/** One peer. */
export class StreamPeer {
  readonly #options: StreamPeerOptions;
  #socket: Promise<StreamSocket> | undefined;
  /** Sockets that are not gone, or heard what they should not. */
  readonly #overs = new Set<Promise<void>>();

  constructor(options: StreamPeerOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  /** Joins the document, and resolves with the socket on which it was introduced to the other one. */
  async introduce(opening: Opening): Promise<StreamSocket> {
    const socket = await this.#staying();
    await socket.introduce(opening);
    return socket;
  }

  /** @param introduced The socket on which it was introduced, if it was. */
  async open(options: StreamSideOptions, introduced?: StreamSocket): Promise<OpenStream> {
    const socket = introduced ?? await this.#staying();
    return { stream: socket.open(options), socket };
  }

  /** The present socket, or the next if that one leaves. */
  async #staying(): Promise<StreamSocket> {
    for (;;) {
      const connecting = this.#socket ??= this.#connect();
      const socket = await connecting;
      if (!socket.isLeaving) return socket;
      socket.retire();
      if (this.#socket === connecting) this.#socket = undefined;
    }
  }

  /** Leaves, when its streams let it. Resolves when all its sockets are gone; rejects when one heard what it should not. */
  async leave(): Promise<void> {
    (await this.#socket)?.retire();
    await within(Promise.all(this.#overs), `the sockets of ${this.id} to be gone`, PATIENCE_SECONDS);
  }

  async #connect(): Promise<StreamSocket> {
    const { target, id, chance, pace, isLate } = this.#options;
    const after = LEAST + chance.below(LONGEST);
    const departure = { how: chance.weighted(DEPARTURES), after, settles: false, isLate };
    const path = `${introductionPath(id)}?protocol=5`;
    const socket = await StreamSocket.open({ target: target(), path, chance: chance.branch(), pace, departure });
    this.#overs.add(socket.over);
    socket.over.then(() => this.#overs.delete(socket.over), () => {});
    return socket;
  }
}
