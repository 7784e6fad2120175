/**
 * The key of one side of a conversation.
 *
 * @module
 */

/** The peer that a connection socket is from, the peer that it is for, and the document. */
export interface ConnectionKey {
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
  /**
   * When its request came, in milliseconds since 1970. It opens later, perhaps later than a newer one on another
   * instance.
   */
  readonly requestedAt?: number;
  /** It is a stream inside another socket, which does not take frames as bytes. */
  readonly isStream?: boolean;
}

/** The three ids as one string. Different ids never give the same one. */
export function keyOf({ localId, remoteId, documentId }: ConnectionKey): string {
  return JSON.stringify([localId, remoteId, documentId]);
}

/** The key that {@link keyOf} made a string of, with its ids alone. */
export function keyWith(ids: string): ConnectionKey {
  const [localId, remoteId, documentId] = JSON.parse(ids);
  return { localId, remoteId, documentId };
}

/** The other side of the same conversation. */
export function reverse({ localId, remoteId, documentId }: ConnectionKey): ConnectionKey {
  return { localId: remoteId, remoteId: localId, documentId };
}
