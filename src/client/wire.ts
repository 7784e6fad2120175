/**
 * What of a client is told to the relay: its name, its documents and what it says, as they are, or sealed.
 *
 * @module
 */

import { introductionPath } from "../protocol.ts";
import type { DocumentId, UserName } from "./events.ts";
import type { PlatformSocket } from "./peer_socket.ts";

/** A path at the relay, or how to find it out. */
export type Path = string | (() => Promise<string>);

/** Whom a connection is to, and what about, in the relay's words. */
export interface Conversation {
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
}

/** The two ways of telling. Ids can be asked for as soon as the introduction socket is open. */
export interface Wire {
  readonly introductionPath: Path;
  /** What the relay calls us. */
  readonly localId: string;
  /** What it calls a peer. */
  userId(userName: UserName): string;
  /** What it calls a document. */
  documentId(documentId: DocumentId): string;
  /** Which of the documents that it was told about it means. */
  documentOf(wireId: string): DocumentId | undefined;
  /** It will not be told about this document any more. */
  forget(documentId: DocumentId): void;
  /** The socket that the application gets. */
  wrap(socket: PlatformSocket, conversation: Conversation): PlatformSocket;
  /** Who is at the other end; undefined where that is not known before there is an open socket. */
  nameOf(conversation: Conversation, socket?: PlatformSocket): UserName | undefined;
}

/** Tells everything as it is. */
export class PlainWire implements Wire {
  readonly localId: string;

  constructor(userName: UserName) {
    this.localId = userName;
  }

  get introductionPath(): string {
    return introductionPath(this.localId);
  }

  userId(userName: UserName): string {
    return userName;
  }

  documentId(documentId: DocumentId): string {
    return documentId;
  }

  documentOf(wireId: string): DocumentId {
    return wireId;
  }

  forget(): void {}

  wrap(socket: PlatformSocket): PlatformSocket {
    return socket;
  }

  nameOf({ remoteId }: Conversation): UserName {
    return remoteId;
  }
}
