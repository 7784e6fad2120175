/**
 * What names one side of a conversation.
 *
 * @module
 */

/** Whom a connection socket is from, whom it is for, and what about. */
export interface ConnectionKey {
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
  /**
   * When its request came, in milliseconds since 1970. It opens later, perhaps later than one that its peer has opened
   * elsewhere in its place.
   */
  readonly requestedAt?: number;
  /** It is a stream inside another socket, which takes no frames as bytes. */
  readonly isStream?: boolean;
}

/** The three ids as one key that no choice of ids can make collide. */
export function keyOf({ localId, remoteId, documentId }: ConnectionKey): string {
  return JSON.stringify([localId, remoteId, documentId]);
}

/** The other side of the same conversation. */
export function reverse({ localId, remoteId, documentId }: ConnectionKey): ConnectionKey {
  return { localId: remoteId, remoteId: localId, documentId };
}
