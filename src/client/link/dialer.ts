/**
 * Opens sockets to the relay: asks for the token, gives up on those that do not open, and tells of each end once.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import { reasonOf } from "../socket/callback.ts";
import type { Environment } from "../environment.ts";
import type { Token } from "../options.ts";
import type { PlatformSocket, WebSocketClass } from "../peer_socket.ts";
import { socketUrl } from "../relay_url.ts";
import type { PeerClose } from "../socket/end.ts";
import { CLOSED, NORMAL_CLOSURE } from "../socket/ready_state.ts";
import type { Path } from "../wire.ts";

/** A handshake over a slow mobile network takes 3 s; one that takes longer than this has died on the way. */
const ANSWER_WITHIN_MS = 10_000;
/** How long a disposal waits for the other side to answer the closing handshake. */
const CLOSE_WITHIN_MS = 5_000;
/** An error of an open socket is followed by its close, with the code; not in every runtime. */
const CLOSE_AFTER_ERROR_MS = 1_000;

/** How a call ended. */
export interface Ending {
  /** The close code; 0 or 1006 when there was none, or the socket never opened. */
  readonly code: number;
  /** Why, unless the end was orderly. */
  readonly error?: Error;
}

/** Who hears what happens to a call. Nothing is heard any more after its end, or after it was dropped. */
export interface CallListener {
  /** Makes another socket of the one that was dialled, if there has to be one: all that follows is about that. */
  wrap?(socket: PlatformSocket): PlatformSocket;
  /** Here is the socket, before anything has happened to it. */
  dialled(socket: PlatformSocket): void;
  opened(socket: PlatformSocket): void;
  /** A message came. Left out: nobody wants to know. */
  heard?(data: unknown): void;
  ended(ending: Ending): void;
}

/** What a dialer needs. */
export interface DialerOptions {
  readonly url: string;
  readonly token: Token | undefined;
  readonly WebSocket: WebSocketClass;
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
  dial(path: Path, listener: CallListener): Call {
    const [address] = socketUrl(this.#options.url, typeof path === "string" ? path : "", undefined).split("?");
    const call = new Call(address, listener, this.#options.environment);
    this.#connect(call, path).catch((error) => call.fail(error));
    return call;
  }

  /** Takes a socket over that needs no dialling and no answer. */
  adopt(socket: PlatformSocket, listener: CallListener): Call {
    const call = new Call(socket.url.split("?")[0], listener, this.#options.environment);
    call.attach(socket);
    call.answered();
    return call;
  }

  /** Another token, where there is a function that gives them. */
  async renewToken(): Promise<string | undefined> {
    return typeof this.#options.token === "function" ? await this.#askToken() : undefined;
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

  async #connect(call: Call, path: Path): Promise<void> {
    const { url, WebSocket } = this.#options;
    const known = typeof path === "string" ? path : await path();
    const token = call.isOver ? undefined : await this.#askToken();
    if (call.isOver) return;
    const socket = new WebSocket(socketUrl(url, known, token)) as unknown as PlatformSocket;
    this.#watch(socket);
    call.attach(socket);
  }

  async #askToken(): Promise<string | undefined> {
    const { token } = this.#options;
    const value: unknown = typeof token === "function" ? await ask(token) : await token;
    if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
    throw new TypeError(`want the token function to give a string, got ${typeof value}`);
  }

  #watch(socket: PlatformSocket): void {
    const closing = new Promise<void>((resolve) => {
      let isOpen = false;
      socket.addEventListener("open", () => isOpen = true);
      socket.addEventListener("close", () => resolve());
      socket.addEventListener("error", () => isOpen || resolve());
    });
    this.#closings.add(closing);
    closing.then(() => this.#closings.delete(closing));
  }
}

async function ask(token: Exclude<Token, string>): Promise<unknown> {
  // It may call the client, which is in the midst of dialling.
  await undefined;
  try {
    return await token();
  } catch (error) {
    throw reasonOf(error) ? error : new Error("the token function gave no reason", { cause: error });
  }
}

/**
 * One socket, from the wish to have it to its end. It trusts no runtime's order of events: each may come twice, late or
 * never.
 */
export class Call {
  readonly #address: string;
  readonly #listener: CallListener;
  readonly #environment: Environment;
  #cancelTimeout: () => void;
  #socket: PlatformSocket | undefined;
  #error: Error | undefined;
  #isOpen = false;
  #isOver = false;

  /** @param address How errors call it: without any token. */
  constructor(address: string, listener: CallListener, environment: Environment) {
    this.#address = address;
    this.#listener = listener;
    this.#environment = environment;
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
  attach(dialled: PlatformSocket): void {
    const socket = this.#listener.wrap?.(dialled) ?? dialled;
    this.#socket = socket;
    // The relay has answered; what was made of the socket may wait for somebody else.
    if (socket !== dialled) dialled.addEventListener("open", () => this.answered());
    socket.addEventListener("open", () => this.#open(socket));
    if (this.#listener.heard !== undefined) {
      socket.addEventListener("message", ({ data }: { data: unknown }) => this.#hear(socket, data));
    }
    // Also after its end: `ws` throws errors that nobody listens for.
    socket.addEventListener("error", (event: unknown) => this.#stumble(event));
    socket.addEventListener("close", (event: PeerClose) => {
      this.#end({ code: event.code, error: this.#error ?? this.#complaint(event) });
    });
    this.#listener.dialled(socket);
  }

  /** The relay has answered: how long it takes to open is its own affair. */
  answered(): void {
    if (!this.#isOpen) this.#cancelTimeout();
  }

  /** Runs `action` as soon as its socket is closed, or if there is none. */
  whenClosed(action: () => void): void {
    if (this.#socket === undefined || this.#socket.readyState === CLOSED) action();
    else this.#socket.addEventListener("close", action);
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

  #open(socket: PlatformSocket): void {
    if (this.#isOver || this.#isOpen) return;
    this.#isOpen = true;
    this.#cancelTimeout();
    this.#listener.opened(socket);
  }

  #hear(socket: PlatformSocket, data: unknown): void {
    if (socket.readyState === 1) this.#open(socket);
    if (!this.#isOver) this.#listener.heard?.(data);
  }

  /** Where nothing was open, nothing has to be closed: Node 22 says no more than this. */
  #stumble(event: unknown): void {
    this.#error ??= this.#explain(event);
    const end = () => this.#end({ code: 1006, error: this.#error });
    if (!this.#isOpen) return end();
    if (this.#isOver) return;
    this.#cancelTimeout();
    this.#cancelTimeout = this.#environment.after(CLOSE_AFTER_ERROR_MS, end);
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    this.drop();
    this.#listener.ended(ending);
  }

  /** The relay has not enough room for what is said: nobody but the application can do anything about it. */
  #complaint({ code, reason }: PeerClose): Error | undefined {
    if (code !== CLOSE.slowReader.code) return;
    return new Error(`Connection to ${this.#address} was closed: ${code} ${reason}`.trim());
  }

  #explain(cause: unknown): Error {
    const message = reasonOf(cause); // browsers do not say why a WebSocket failed
    return new Error(`Connection to ${this.#address} failed${message ? `: ${message}` : ""}`, { cause });
  }
}
