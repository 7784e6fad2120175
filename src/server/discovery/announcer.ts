/**
 * What an introducer tells other instances.
 *
 * @module
 */

import type { ConnectionKey } from "../core/connection_key.ts";

/** What an introducer tells other instances. */
export interface Announcer {
  /** One more socket of the peer here is interested in the document. */
  added(peerId: string, documentId: string): void;
  /** One socket fewer is. */
  removed(peerId: string, documentId: string): void;
  /** The peer has just named the document in a `Join`. Gives what it costs to tell others, in microseconds of work. */
  joined(peerId: string, documentId: string): number;
  /** Tells the counterpart of a pending connection, wherever it is, that it is waited for. It says whether it is there. */
  remind(waiting: ConnectionKey): void;
}
