/**
 * The bytes of one connection, as those see them who know what they mean.
 *
 * @module
 */

import type { ChunkMemory } from "./buffer_pool.ts";
import type { Loan } from "../transport.ts";

/** What goes out and comes in. Reading begins with {@link Wire.resume}. */
export interface Wire {
  /** Bytes that were written and that the network has not taken yet, with what keeping them costs. */
  readonly backlog: number;
  /** From now on `listener` hears this connection, in place of whoever did before. */
  listen(listener: WireListener): void;
  /** Writes in order. The memory is not to be changed; if it is lent, it is given back as soon as it can be. */
  write(bytes: Uint8Array<ArrayBuffer>, loan?: Loan): void;
  /** Stops reading. What is being read may still come. */
  pause(): void;
  resume(): void;
  /** Ends this side behind all that was written, then calls `done`. */
  end(done: () => void): void;
  /** Ends both sides at once. */
  destroy(): void;
}

/** Who hears a connection. Must not throw. */
export interface WireListener {
  /** So many bytes have come, at the start of memory that is the listener's now. */
  received(memory: ChunkMemory, length: number): void;
  /** The network has taken a part of what was written. */
  taken(): void;
  /** Nothing more comes. */
  ended(): void;
  /** The connection is gone. Called exactly once, never within a call of {@link Wire}. */
  gone(): void;
}

/** Hears a connection until somebody does. */
export const NO_LISTENER: WireListener = { received: () => {}, taken: () => {}, ended: () => {}, gone: () => {} };
