/**
 * Sealed conversations: what a client loads if it has a secret, and only then.
 *
 * @module
 */

import { type IdKind, Keys } from "./keys.ts";
import type { WireConversation } from "./handshake.ts";
import { type Carrier, SealedSocket } from "./sealed_socket.ts";

export type { WireConversation } from "./handshake.ts";
export type { IdKind } from "./keys.ts";
export type { Carrier, SealedSocket } from "./sealed_socket.ts";

/** What a sealed conversation needs of its client. */
export interface SealOptions {
  /** Our own real name. */
  readonly userName: string;
  /** Runs `action` after a delay in milliseconds; returns how to cancel it. */
  after(milliseconds: number, action: () => void): () => void;
}

/** All that one secret seals. */
export class Seal {
  readonly #keys: Keys;
  readonly #effort = { count: 0 };

  /** @param secret 32 bytes. */
  constructor(secret: Uint8Array) {
    this.#keys = new Keys(secret);
  }

  /** What the relay calls a peer or a document. */
  wireId(kind: IdKind, id: string): string {
    return this.#keys.wireId(kind, id);
  }

  /** A conversation over a socket that is open, or about to be. */
  wrap(carrier: Carrier, conversation: WireConversation, options: SealOptions): SealedSocket {
    return new SealedSocket(carrier, { keys: this.#keys, effort: this.#effort, conversation, ...options });
  }
}
