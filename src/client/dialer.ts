/**
 * Opens sockets to the relay: asks for the token, gives up on those that do not open, and tells of each end once.
 *
 * @module
 */

import { CLOSE } from "../protocol.ts";
import type { Environment } from "./environment.ts";
import type { Token } from "./options.ts";
import type { PeerSocket } from "./peer_socket.ts";
import { socketUrl } from "./relay_url.ts";

/** A handshake over a slow mobile network takes 3 s; one that takes longer than this has died on the way. */
const ANSWER_WITHIN_MS = 10_000;
/** How long a disposal waits for the other side to answer the closing handshake. */
const CLOSE_WITHIN_MS = 5_000;
const NORMAL_CLOSURE = 1000;

/** How a call ended. */
export interface Ending {
  /** The close code; 0 or 1006 when there was none, or the socket never opened. */
  readonly code: number;
  /** Why, unless the end was orderly. */
  readonly error?: Error;
}

/** Who hears what happens to a call. Nothing is heard any more after its end, or after it was dropped. */
export interface CallListener {
  opened(socket: PeerSocket): void;
  heard(data: unknown): void;
  ended(ending: Ending): void;
}

/** What a dialer needs. */
export interface DialerOptions {
  readonly url: string;
  readonly token: Token | undefined;
  readonly Socket: new (url: string) => PeerSocket;
  readonly environment: Environment;
}

/** Opens sockets, and knows when they have all closed. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #closings = new Set<Promise<void>>();

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** Starts to open a socket. Its listener is not called before this has returned. */
  dial(path: string, listener: CallListener): Call {
    const [address] = socketUrl(this.#options.url, path, undefined).split("?");
    const call = new Call(address, listener, this.#options.environment);
    this.#connect(call, path).catch((error) => call.fail(error));
    return call;
  }

  /** Resolves when all sockets have closed, or would not close in time. */
  async closed(): Promise<void> {
    let cancel = () => {};
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#options.environment.after(CLOSE_WITHIN_MS, resolve);
    });
    await Promise.race([Promise.all(this.#closings), timeout]);
    cancel();
  }

  async #connect(call: Call, path: string): Promise<void> {
    const { url, token, Socket } = this.#options;
    const value = typeof token === "function" ? await token() : await token;
    if (call.isOver) return;
    const socket = new Socket(socketUrl(url, path, value));
    this.#watch(socket);
    call.attach(socket);
  }

  #watch(socket: PeerSocket): void {
    const closing = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
    this.#closings.add(closing);
    closing.then(() => this.#closings.delete(closing));
  }
}

/** One socket, from the wish to have it to its end. */
export class Call {
  readonly #address: string;
  readonly #listener: CallListener;
  readonly #cancelTimeout: () => void;
  #socket: PeerSocket | undefined;
  #error: Error | undefined;
  #isOver = false;

  /** @param address How errors call it: without any token. */
  constructor(address: string, listener: CallListener, environment: Environment) {
    this.#address = address;
    this.#listener = listener;
    const silence = `no answer in ${ANSWER_WITHIN_MS / 1000} s`;
    this.#cancelTimeout = environment.after(ANSWER_WITHIN_MS, () => this.fail(silence));
  }

  /** Nothing will be heard of it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The socket is being closed, by whomever, though its end was not told yet. */
  get isClosing(): boolean {
    return this.#socket !== undefined && this.#socket.readyState > 1;
  }

  /** Here is its socket, which still has to open. */
  attach(socket: PeerSocket): void {
    this.#socket = socket;
    socket.addEventListener("open", () => this.#open(socket));
    socket.addEventListener("message", ({ data }) => this.#isOver || this.#listener.heard(data));
    // Also after its end: `ws` throws errors that nobody listens for.
    socket.addEventListener("error", (event) => this.#error ??= this.#explain(event));
    socket.addEventListener(
      "close",
      (event) => this.#end({ code: event.code, error: this.#error ?? this.#complaint(event) }),
    );
  }

  /** Ends it as not to be had. */
  fail(cause: unknown): void {
    this.#end({ code: 1006, error: this.#explain(cause) });
  }

  /** Ends it without telling its listener. */
  drop(): void {
    this.#isOver = true;
    this.#cancelTimeout();
    this.#socket?.close(NORMAL_CLOSURE);
  }

  #open(socket: PeerSocket): void {
    if (this.#isOver) return;
    this.#cancelTimeout();
    this.#listener.opened(socket);
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    this.drop();
    this.#listener.ended(ending);
  }

  /** The relay has not enough room for what is said: nobody but the application can do anything about it. */
  #complaint({ code, reason }: { code: number; reason: string }): Error | undefined {
    if (code !== CLOSE.slowReader.code) return;
    return new Error(`Connection to ${this.#address} was closed: ${code} ${reason}`.trim());
  }

  #explain(cause: unknown): Error {
    // Browsers do not say why a WebSocket failed.
    const message = typeof cause === "string" ? cause : (cause as Partial<Error>).message;
    return new Error(`Connection to ${this.#address} failed${message ? `: ${message}` : ""}`, { cause });
  }
}
