/**
 * The connection to one peer about one document, through all its sockets.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import type { Connection, Connector } from "./connector.ts";
import type { Ending } from "./dialer.ts";
import type { Environment } from "../environment.ts";
import { Insistence } from "./insistence.ts";
import { type PeerSocket, type PlatformSocket, toPeerSocket } from "../peer_socket.ts";
import type { Backoff } from "./reconnect.ts";
import { Retry } from "./retry.ts";
import type { Conversation, Wire } from "../wire.ts";

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
  readonly connector: Connector;
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
  #connection: Connection | undefined;
  #socket: PeerSocket | undefined;
  #cancelForget: (() => void) | undefined;
  /** Another client of our id serves this peer. */
  #isSuperseded = false;
  #isRefused = false;
  /** The connection that was lost was a stream. */
  #hadStream = false;

  constructor(conversation: Conversation, options: PeerLinkOptions, listener: PeerLinkListener) {
    this.#conversation = conversation;
    this.#options = options;
    this.#listener = listener;
    this.#retry = new Retry(options.backoff, options.environment, () => this.#again());
  }

  /** The application wants no connection to this peer. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The relay says that the peer is there, and interested. */
  introduced(): void {
    // The relay knows of each stream whether it lives.
    if (this.#isServed && this.#connection!.isStream) return;
    const isAnswered = this.#isRefused || this.#isSuperseded || this.#isServed;
    if (isAnswered && !this.#insistence.heard(this.#options.environment.now())) return;
    if (this.#isRefused) return this.#decline();
    this.drop();
    this.#connect(false);
  }

  /** The relay was asked for introductions to everyone interested: all there is to do is wait. */
  sought(): void {
    this.#insistence.reset();
    if (this.#connection !== undefined || this.#isSuperseded || this.#isRefused) return;
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
    this.#connection?.call.drop();
    this.#over();
  }

  /** There is a socket that seems to work, or one that may soon. */
  get #isServed(): boolean {
    return this.#connection !== undefined && !this.#connection.call.isClosing;
  }

  #connect(isAgain: boolean): void {
    this.#isSuperseded = false;
    this.#insistence.reset();
    const { connector, environment } = this.#options;
    let socket: PeerSocket | undefined;
    const listener = {
      wrap: (bare: PlatformSocket) => this.#wrap(bare),
      dialled: (dialled: PlatformSocket) => socket = toPeerSocket(dialled, environment),
      opened: () => this.#opened(socket!),
      heard: () => this.#insistence.reset(),
      ended: (ending: Ending) => this.#ended(ending),
    };
    this.#connection = connector.connect(this.#conversation, listener, isAgain);
    this.#listener.connecting();
  }

  /**
   * A stream can be opened again by one side, unless its relay goes away, or has gone: then all is joined again elsewhere. Two
   * sockets meet only when both sides are introduced again.
   */
  #again(): void {
    if (!this.#hadStream) this.#listener.lost();
    else if (this.#options.connector.hasStreams) this.#connect(true);
    else this.sought();
  }

  /** The peer waits for us in vain, and believes that it is connected: to answer and hang up is the only way to say no. */
  #decline(): void {
    this.drop();
    this.#insistence.reset();
    const end = () => this.drop();
    const listener = { wrap: (bare: PlatformSocket) => this.#wrap(bare), dialled: () => {}, opened: end, ended: end };
    this.#connection = this.#options.connector.connect(this.#conversation, listener, false);
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
    this.#hadStream = this.#connection?.isStream ?? false;
    this.#over();
    if (code === CLOSE.superseded.code) this.#isSuperseded = true;
    else if (DELIBERATE.has(code) || this.#isGone(code)) this.#listener.idle();
    else this.#retry.failed({ isOverload: code === CLOSE.slowReader.code });
    if (error !== undefined) this.#listener.failed(error);
  }

  /** A peer for whom a stream waited in vain is introduced when it is back. */
  #isGone(code: number): boolean {
    return this.#hadStream && code === CLOSE.noReciprocal.code;
  }

  #over(): void {
    if (this.#connection === undefined) return;
    const socket = this.#socket;
    this.#connection = this.#socket = undefined;
    this.#listener.disconnected(socket);
  }
}
