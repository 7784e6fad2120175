/**
 * Who hears what happens on a connection.
 *
 * @module
 */

import type { ChunkBuffer } from "./buffer_pool.ts";

/** Hears a connection. Must not throw. */
export interface ConnectionListener {
  /** So many bytes have come, at the start of a buffer that is the listener's now. */
  received(buffer: ChunkBuffer, length: number): void;
  /** The network has taken a part of what was written. */
  taken(): void;
  /** Nothing more comes. */
  ended(): void;
  /** The connection is gone. Called exactly once, never within a call of the connection. */
  gone(): void;
}

/** Hears a connection until somebody does. */
export const NO_LISTENER: ConnectionListener = {
  received: (buffer) => buffer.release(),
  taken: () => {},
  ended: () => {},
  gone: () => {},
};
