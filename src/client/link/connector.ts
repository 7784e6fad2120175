/**
 * Begins conversations: as streams where the relay speaks protocol 5, else on sockets of their own.
 *
 * @module
 */

import { connectionPath } from "../../protocol.ts";
import type { Call, CallListener, Dialer } from "./dialer.ts";
import type { Session } from "../multiplex/session.ts";
import type { PlatformSocket } from "../peer_socket.ts";
import { socketUrl } from "../relay_url.ts";
import type { Conversation } from "../wire.ts";

/** What a connector needs. */
export interface ConnectorOptions {
  /** The relay. */
  readonly url: string;
  readonly dialer: Dialer;
  /** Where conversations can be begun as streams at this moment, if they can. */
  session(): Session | undefined;
}

/** A conversation under way. */
export interface Connection {
  readonly call: Call;
  readonly isStream: boolean;
}

/** Knows which of the two it is. */
export class Connector {
  readonly #options: ConnectorOptions;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** Streams can be begun. */
  get hasStreams(): boolean {
    return this.#options.session() !== undefined;
  }

  /**
   * Begins a conversation.
   *
   * @param isAgain It was lost: a stream is open only when the other side is there, too.
   */
  connect(conversation: Conversation, listener: CallListener, isAgain: boolean): Connection {
    const { url, dialer } = this.#options;
    const { localId, remoteId, documentId } = conversation;
    const path = connectionPath(localId, remoteId, documentId);
    const session = this.#options.session();
    if (session === undefined) return { call: dialer.dial(path, listener), isStream: false };
    const stream = session.open({
      userName: remoteId,
      documentId,
      url: socketUrl(url, path, undefined).split("?")[0],
      isOpenWhenPaired: isAgain,
    });
    // The relay tells how streams end: nobody has to listen for signs of life.
    const { heard: _, ...others } = listener;
    return { call: dialer.adopt(stream as unknown as PlatformSocket, others), isStream: true };
  }
}
