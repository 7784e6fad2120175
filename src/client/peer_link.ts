/**
 * The connection to one peer about one document, through all its sockets.
 *
 * @module
 */

import { CLOSE, connectionPath } from "../protocol.ts";
import type { Call, CallListener, Dialer, Ending } from "./dialer.ts";
import type { Environment } from "./environment.ts";
import { Insistence } from "./insistence.ts";
import { type PeerSocket, type PlatformSocket, toPeerSocket } from "./peer_socket.ts";
import type { Backoff } from "./reconnect.ts";
import { Retry } from "./retry.ts";
import type { Conversation, Wire } from "./wire.ts";

/** An application's close without a code arrives as 1005. */
const DELIBERATE = new Set([1000, 1005]);
/** A peer that has not come back in this time is introduced anew when it does. */
const FORGET_AFTER_MS = 30_000;

/** Who hears what happens to a link. */
export interface PeerLinkListener {
  /** A socket is on its way. */
  connecting(): void;
  connected(socket: PeerSocket): void;
  /** The socket, or the way to it, is over. `socket` is undefined if it never opened. */
  disconnected(socket: PeerSocket | undefined): void;
  /** The connection was lost: to get it back, both sides have to be introduced again. */
  lost(): void;
  /** There is nothing to remember about this peer. */
  idle(): void;
  failed(error: Error): void;
}

/** What a link needs. */
export interface PeerLinkOptions {
  readonly dialer: Dialer;
  readonly wire: Wire;
  readonly backoff: Backoff;
  readonly environment: Environment;
}

/** Follows introductions, and heals. */
export class PeerLink {
  readonly #conversation: Conversation;
  readonly #options: PeerLinkOptions;
  readonly #listener: PeerLinkListener;
  readonly #retry: Retry;
  readonly #insistence = new Insistence();
  #call: Call | undefined;
  #socket: PeerSocket | undefined;
  #cancelForget: (() => void) | undefined;
  /** Another client of our id serves this peer. */
  #isSuperseded = false;
  #isRefused = false;

  constructor(conversation: Conversation, options: PeerLinkOptions, listener: PeerLinkListener) {
    this.#conversation = conversation;
    this.#options = options;
    this.#listener = listener;
    this.#retry = new Retry(options.backoff, options.environment, () => listener.lost());
  }

  /** The application wants no connection to this peer. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The relay says that the peer is there, and interested. */
  introduced(): void {
    const isAnswered = this.#isRefused || this.#isSuperseded || this.#isServed;
    if (isAnswered && !this.#insistence.heard(this.#options.environment.now())) return;
    if (this.#isRefused) return this.#decline();
    this.drop();
    this.#connect();
  }

  /** The relay was asked for introductions to everyone interested: all there is to do is wait. */
  sought(): void {
    this.#insistence.reset();
    if (this.#call !== undefined || this.#isSuperseded || this.#isRefused) return;
    this.#retry.stop();
    this.#cancelForget ??= this.#options.environment.after(FORGET_AFTER_MS, () => this.#listener.idle());
  }

  /** Ends the connection and follows no introduction from now on. */
  refuse(): void {
    this.#isRefused = true;
    this.drop();
  }

  /** Ends whatever goes on. */
  drop(): void {
    this.#retry.stop();
    this.#cancelForget?.();
    this.#cancelForget = undefined;
    this.#call?.drop();
    this.#over();
  }

  /** There is a socket that seems to work, or one that may soon. */
  get #isServed(): boolean {
    return this.#call !== undefined && !this.#call.isClosing;
  }

  #connect(): void {
    this.#isSuperseded = false;
    this.#insistence.reset();
    let socket: PeerSocket | undefined;
    this.#call = this.#dial({
      wrap: (bare) => this.#wrap(bare),
      dialled: (dialled) => socket = toPeerSocket(dialled),
      opened: () => this.#opened(socket!),
      heard: () => this.#insistence.reset(),
      ended: (ending) => this.#ended(ending),
    });
    this.#listener.connecting();
  }

  /** The peer waits for us in vain, and believes that it is connected: to answer and hang up is the only way to say no. */
  #decline(): void {
    this.drop();
    this.#insistence.reset();
    const end = () => this.drop();
    this.#call = this.#dial({
      wrap: (bare) => this.#wrap(bare),
      dialled: () => {},
      opened: end,
      heard: () => {},
      ended: end,
    });
  }

  #dial(listener: CallListener): Call {
    const { localId, remoteId, documentId } = this.#conversation;
    return this.#options.dialer.dial(connectionPath(localId, remoteId, documentId), listener);
  }

  #wrap(socket: PlatformSocket): PlatformSocket {
    return this.#options.wire.wrap(socket, this.#conversation);
  }

  #opened(socket: PeerSocket): void {
    this.#socket = socket;
    this.#retry.succeeded();
    this.#listener.connected(socket);
  }

  #ended({ code, error }: Ending): void {
    this.#retry.stop();
    this.#over();
    if (code === CLOSE.superseded.code) this.#isSuperseded = true;
    else if (DELIBERATE.has(code)) this.#listener.idle();
    else this.#retry.failed({ isOverload: code === CLOSE.slowReader.code });
    if (error !== undefined) this.#listener.failed(error);
  }

  #over(): void {
    if (this.#call === undefined) return;
    const socket = this.#socket;
    this.#call = this.#socket = undefined;
    this.#listener.disconnected(socket);
  }
}
