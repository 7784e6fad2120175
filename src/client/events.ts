/**
 * What a client tells its application.
 *
 * @module
 */

import type { PeerSocket } from "./peer_socket.ts";

/** Identifies a peer: a device, or a tab. */
export type UserName = string;

/** Identifies what peers meet about: a document, a topic, a channel. */
export type DocumentId = string;

/** The connections to one peer, by document. Null while a connection is being made. */
export type PeerSocketMap = Map<DocumentId, PeerSocket | null>;

/** Whom we are connected to, or no longer, about what. */
export interface PeerEvent {
  userName: UserName;
  documentId: DocumentId;
  socket: PeerSocket;
}

/** The events of a client, with what their listeners are called with. */
export interface ClientEvents {
  /** The relay can be talked to. It has just been asked for all documents. */
  "server.connect": [];
  /** The relay is out of reach, or was left. Connections to peers may live on. The close code, if it was not left. */
  "server.disconnect": [code?: number];
  /** A connection to a peer is open. For each peer and document, connects and disconnects alternate. */
  "peer.connect": [event: PeerEvent];
  /** A connection to a peer that was open is over. */
  "peer.disconnect": [event: PeerEvent];
  /** Something went wrong that the client is about to mend by itself. Nobody has to listen. */
  "error": [error: Error];
}

/** The names of all events: types cannot keep plain JavaScript from misspelling one. */
export const CLIENT_EVENTS = [
  "server.connect",
  "server.disconnect",
  "peer.connect",
  "peer.disconnect",
  "error",
] as const satisfies readonly (keyof ClientEvents)[];
