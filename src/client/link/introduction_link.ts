/**
 * The way to the relay, through all its sockets.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { Ending } from "./dialer.ts";
import type { NetworkListener } from "../environment.ts";
import type { Session } from "../multiplex/session.ts";
import type { Backoff } from "./reconnect.ts";
import { RelaySocket, type RelaySocketOptions } from "./relay_socket.ts";
import { Retry } from "./retry.ts";

/** How long the next socket waits for the last one to say its goodbyes and close. */
const LEAVE_WITHIN_MS = 2_000;
const LEFT: Close = { code: 1000, reason: "" };

/** Who hears what happens to the link. */
export interface IntroductionLinkListener {
  /** It is open, and knows of no documents. */
  opened(): void;
  /** @param code The close code; undefined if it was ended here. */
  closed(code?: number): void;
  introduced(userName: string, documentIds: readonly string[]): void;
  /** Documents were not joined. */
  refused(documentIds: readonly string[], reason: string): void;
  /** These, which were refused for a token that was over, may be joined. */
  permitted(documentIds: readonly string[]): void;
  failed(error: Error): void;
}

/** What the link needs. */
export interface IntroductionLinkOptions extends RelaySocketOptions {
  readonly backoff: Backoff;
}

/** Keeps a connection to the relay from `connect()` to `disconnect()`. Never are there two of its sockets. */
export class IntroductionLink {
  readonly #options: IntroductionLinkOptions;
  readonly #listener: IntroductionLinkListener;
  readonly #retry: Retry;
  #isWanted = false;
  #isOpen = false;
  #socket: RelaySocket | undefined;
  /** The last one, which still says its goodbyes. */
  #leaving: RelaySocket | undefined;
  #cancelMove = () => {};
  /** The network was away since the socket opened: it may be dead without knowing. */
  #isDoubtful = false;

  constructor(options: IntroductionLinkOptions, listener: IntroductionLinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#retry = new Retry(options.backoff, options.environment, () => this.#dial());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Where conversations can be begun as streams, if they can. */
  get session(): Session | undefined {
    return this.#socket?.session;
  }

  /** Milliseconds to wait at most after the next failure. */
  get retryDelay(): number {
    return this.#retry.longestDelay;
  }

  /** Connects at once, unless it is connected or connecting, and stays so. */
  connect(): void {
    if (this.#isWanted && (this.#socket !== undefined || this.#leaving !== undefined)) return;
    this.#isWanted = true;
    this.#options.environment.network?.addEventListener("online", this.#hearNetwork);
    this.#options.environment.network?.addEventListener("offline", this.#hearNetwork);
    if (this.#leaving === undefined) this.#dial();
    else this.#dialBehind(this.#leaving, LEAVE_WITHIN_MS);
  }

  /** Disconnects and stays so. */
  disconnect(): void {
    this.#isWanted = false;
    this.#options.environment.network?.removeEventListener("online", this.#hearNetwork);
    this.#options.environment.network?.removeEventListener("offline", this.#hearNetwork);
    this.#retry.reset();
    this.#leave(LEFT);
  }

  /** Asks to be introduced to everyone interested in these documents. Without a connection, nothing is said. */
  join(documentIds: Iterable<string>): void {
    this.#socket?.order({ type: "Join", documentIds });
  }

  /** Asks for no more introductions. */
  leave(documentId: string): void {
    this.#socket?.order({ type: "Leave", documentIds: [documentId] });
  }

  readonly #hearNetwork: NetworkListener = ({ type }) => {
    if (type === "offline") this.#isDoubtful = true;
    else if (!this.isOpen || this.#isDoubtful) this.#redial();
  };

  #redial(): void {
    const socket = this.#socket;
    this.#over();
    socket?.drop();
    this.#dial();
  }

  #dial(): void {
    this.#retry.stop();
    this.#cancelMove();
    this.#leaving?.drop();
    this.#leaving = undefined;
    this.#isDoubtful = false;
    const socket: RelaySocket = new RelaySocket(this.#options, {
      opened: () => this.#opened(),
      introduced: this.#listener.introduced,
      refused: this.#listener.refused,
      permitted: this.#listener.permitted,
      goAway: (seconds) => this.#planMove(seconds),
      failed: this.#listener.failed,
      ended: (ending) => this.#ended(ending),
    });
    this.#socket = socket;
  }

  #opened(): void {
    this.#isOpen = true;
    this.#retry.succeeded();
    this.#listener.opened();
  }

  #ended({ code, error }: Ending): void {
    this.#over(code);
    this.#retry.failed({ isOverload: code === CLOSE.slowReader.code });
    if (error !== undefined) this.#listener.failed(error);
  }

  /** The relay is going to stop: clients leave one by one, so that they do not come back all at once. */
  #planMove(seconds: number): void {
    const { environment } = this.#options;
    const withinMs = seconds * 1000;
    const delay = Math.max(environment.random() * withinMs, this.#retry.delayOfMove());
    this.#cancelMove();
    this.#cancelMove = environment.after(delay, () => this.#move(Math.max(LEAVE_WITHIN_MS, withinMs - delay)));
  }

  #move(withinMs: number): void {
    const socket = this.#socket!;
    this.#leave(CLOSE.restarting, CLOSE.restarting.code);
    this.#dialBehind(socket, withinMs);
  }

  /** A second socket beside the first would take the place of its own conversations. */
  #dialBehind(socket: RelaySocket, withinMs: number): void {
    let isDue = true;
    const dial = () => {
      if (isDue) this.#dial();
    };
    const cancelTimeout = this.#options.environment.after(withinMs, dial);
    this.#cancelMove = () => {
      isDue = false;
      cancelTimeout();
    };
    socket.whenClosed(dial);
  }

  #leave(close: Close, code?: number): void {
    const socket = this.#socket;
    this.#over(code);
    if (socket === undefined) return;
    // Sockets without streams are in nobody's way.
    if (socket.isMultiplexed) this.#leaving = socket;
    socket.whenClosed(() => {
      if (this.#leaving === socket) this.#leaving = undefined;
    });
    socket.leave(close);
  }

  #over(code?: number): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#socket = undefined;
    this.#cancelMove();
    if (wasOpen) this.#listener.closed(code);
  }
}
