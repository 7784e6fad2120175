/**
 * What automerge-repo 2.x and a network adapter know of each other.
 *
 * Written down here, not imported, so that nobody needs the library to check this house. `tests/automerge/` holds them
 * against the library's own.
 *
 * @module
 */

/** Identifies a repo. */
export type PeerId = string & { __peerId: true };

/** Identifies a document. */
export type DocumentId = string & { __documentId: true };

/** Identifies a repo's storage. */
export type StorageId = string & { __storageId: true };

/** How a repo presents itself to others. */
export interface PeerMetadata {
  storageId?: StorageId;
  isEphemeral?: boolean;
}

/** What repos say to each other: besides `data`, nothing but what JSON can say. */
export interface Message {
  type: string;
  senderId: PeerId;
  targetId: PeerId;
  data?: Uint8Array;
  documentId?: DocumentId;
}

/** What an adapter tells its repo. */
export interface NetworkAdapterEvents {
  close: () => void;
  "peer-candidate": (payload: { peerId: PeerId; peerMetadata: PeerMetadata }) => void;
  "peer-disconnected": (payload: { peerId: PeerId }) => void;
  message: (payload: Message) => void;
}
