/**
 * All sockets that carry streams: what they share.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { Counters } from "../metrics/counters.ts";
import type { PeerSocket } from "../transport/transport.ts";
import { FramePool } from "./frame_pool.ts";
import { type Permit, Session, type SessionOptions } from "./session.ts";
import type { Poll } from "../core/scheduling/poll.ts";
import { EventLoopTurn } from "../core/scheduling/event_loop_turn.ts";

/** What a multiplexer needs. */
export interface MultiplexerOptions extends Omit<SessionOptions, "takePlace" | "givePlaceBack" | "turn" | "frames"> {
  readonly counters: Counters;
  readonly poll: Poll;
  /** Streams in all. */
  readonly maxStreams: number;
}

/** Takes over sockets whose peers speak protocol 5. */
export class Multiplexer {
  readonly #options: MultiplexerOptions;
  readonly #sessionOptions: SessionOptions;
  #streams = 0;

  constructor(options: MultiplexerOptions) {
    this.#options = options;
    this.#sessionOptions = {
      ...options,
      frames: new FramePool(),
      takePlace: () => this.#takePlace(),
      givePlaceBack: () => this.#streams -= 1,
      turn: new EventLoopTurn(options.clock, options.poll),
    };
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams;
  }

  /** Takes over the introduction socket of a peer. */
  welcome(peerId: string, socket: PeerSocket, permit: Permit): void {
    new Session(peerId, socket, permit, this.#sessionOptions);
  }

  #takePlace(): Close | undefined {
    if (this.#streams >= this.#options.maxStreams) return CLOSE.full;
    this.#streams += 1;
    this.#options.counters.opened.stream += 1;
  }
}
