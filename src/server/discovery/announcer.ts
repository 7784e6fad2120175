/**
 * What an introducer needs of other instances.
 *
 * @module
 */

import type { ConnectionKey } from "../core/connection_key.ts";

/** What an introducer needs of other instances. */
export interface Announcer {
  /** One more socket of the peer here is interested in the document. */
  added(peerId: string, documentId: string): void;
  /** One socket fewer of the peer here is interested. */
  removed(peerId: string, documentId: string): void;
  /** The peer has just named the document in a `Join`. Returns the work of announcing that, in microseconds. */
  joined(peerId: string, documentId: string): number;
  /** Reminds the peer that a pending connection waits for, on any instance. An instance that knows it answers. */
  remind(waiting: ConnectionKey): void;
}
