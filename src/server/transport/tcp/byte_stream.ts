/**
 * What a connection is made of: TCP, or TLS over it.
 *
 * @module
 */

import type { ChunkBuffer } from "./buffer_pool.ts";

/** Bytes in order. One write at a time. */
export type ByteStream = Pick<Deno.Conn, "write" | "closeWrite" | "close">;

/** Reads what the peer sends, unless it is paused, as it is at first. */
export interface Incoming {
  /** What is being read may still come. */
  pause(): void;
  resume(): void;
  /** The connection is closed: nothing is heard any more. */
  stop(): void;
}

/** Who has a connection, and gets what it reads. Must not throw. */
export interface IncomingOwner {
  /** So many bytes have come, at the start of a buffer that is the owner's now. */
  received(buffer: ChunkBuffer, length: number): void;
  ended(): void;
  /** The connection has failed. */
  destroy(): void;
  /** So many bytes more are kept for this connection, or fewer. */
  retain(bytes: number): void;
}
