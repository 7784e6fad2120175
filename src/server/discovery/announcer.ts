/**
 * What an introducer tells other instances.
 *
 * @module
 */

/** What an introducer tells other instances. */
export interface Announcer {
  /** A peer here has just named these documents in a `Join`. */
  joined(peerId: string, documentIds: readonly string[]): void;
  /** No socket of the peer here is interested in the document any more. */
  left(peerId: string, documentId: string): void;
}
