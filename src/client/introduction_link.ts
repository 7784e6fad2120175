/**
 * The introduction socket, through all its reconnects.
 *
 * @module
 */

import { CLOSE } from "../protocol.ts";
import type { Call, Dialer, Ending } from "./dialer.ts";
import type { Environment, NetworkListener } from "./environment.ts";
import { decode, encode, HEARTBEAT } from "./messages.ts";
import type { PlatformSocket } from "./peer_socket.ts";
import type { Backoff } from "./reconnect.ts";
import { Retry } from "./retry.ts";
import type { Path } from "./wire.ts";

/** Proxies close what is idle for 30 s and more. */
const HEARTBEAT_EVERY_MS = 25_000;

/** Who hears what happens to the link. */
export interface IntroductionLinkListener {
  /** It is open, and knows of no documents. */
  opened(): void;
  /** @param code The close code; undefined if it was ended here. */
  closed(code?: number): void;
  introduced(userName: string, documentIds: readonly string[]): void;
  failed(error: Error): void;
}

/** What the link needs. */
export interface IntroductionLinkOptions {
  readonly path: Path;
  readonly dialer: Dialer;
  readonly backoff: Backoff;
  readonly environment: Environment;
}

/** Documents to say the same of. */
interface Order {
  readonly type: "Join" | "Leave";
  readonly documentIds: Set<string>;
}

/** Keeps a connection to the relay from `connect()` to `disconnect()`. */
export class IntroductionLink {
  readonly #options: IntroductionLinkOptions;
  readonly #listener: IntroductionLinkListener;
  readonly #retry: Retry;
  #orders: Order[] = [];
  #call: Call | undefined;
  #socket: PlatformSocket | undefined;
  #cancelHeartbeat = () => {};
  /** The network was away since the socket opened: it may be dead without knowing. */
  #isDoubtful = false;

  constructor(options: IntroductionLinkOptions, listener: IntroductionLinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#retry = new Retry(options.backoff, options.environment, () => this.#dial());
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  /** Milliseconds to wait at most after the next failure. */
  get retryDelay(): number {
    return this.#retry.longestDelay;
  }

  /** Connects at once, unless it is connected or connecting, and stays so. */
  connect(): void {
    if (this.#call !== undefined) return;
    this.#options.environment.network?.addEventListener("online", this.#hearNetwork);
    this.#options.environment.network?.addEventListener("offline", this.#hearNetwork);
    this.#dial();
  }

  /** Disconnects and stays so. */
  disconnect(): void {
    this.#options.environment.network?.removeEventListener("online", this.#hearNetwork);
    this.#options.environment.network?.removeEventListener("offline", this.#hearNetwork);
    this.#retry.reset();
    this.#call?.drop();
    this.#over();
  }

  /** Asks to be introduced to everyone interested in these documents. Without a connection, nothing is said. */
  join(documentIds: Iterable<string>): void {
    this.#order("Join", documentIds);
  }

  /** Asks for no more introductions. */
  leave(documentId: string): void {
    this.#order("Leave", [documentId]);
  }

  readonly #hearNetwork: NetworkListener = ({ type }) => {
    if (type === "offline") this.#isDoubtful = true;
    else if (!this.isOpen || this.#isDoubtful) this.#redial();
  };

  #redial(): void {
    this.#call?.drop();
    this.#over();
    this.#dial();
  }

  #dial(): void {
    this.#retry.stop();
    this.#isDoubtful = false;
    this.#call = this.#options.dialer.dial(this.#options.path, {
      dialled: () => {},
      opened: (socket) => this.#opened(socket),
      heard: (data) => this.#heard(data),
      ended: (ending) => this.#ended(ending),
    });
  }

  #opened(socket: PlatformSocket): void {
    this.#socket = socket;
    this.#retry.succeeded();
    this.#beat();
    this.#listener.opened();
  }

  #heard(data: unknown): void {
    try {
      const { userName, documentIds } = decode(data);
      this.#listener.introduced(userName, documentIds);
    } catch (error) {
      this.#listener.failed(error as Error);
    }
  }

  #ended({ code, error }: Ending): void {
    this.#over(code);
    this.#retry.failed({ isOverload: code === CLOSE.slowReader.code });
    if (error !== undefined) this.#listener.failed(error);
  }

  #over(code?: number): void {
    const wasOpen = this.isOpen;
    this.#call = this.#socket = undefined;
    this.#cancelHeartbeat();
    this.#orders = [];
    if (wasOpen) this.#listener.closed(code);
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#options.environment.after(HEARTBEAT_EVERY_MS, () => {
      this.#beat();
      if (this.#call?.isClosing) this.#call.fail("it ended without a word");
      else this.#say(HEARTBEAT);
    });
  }

  #say(message: string): void {
    try {
      this.#socket?.send(message);
    } catch (error) {
      this.#call?.fail(error);
    }
  }

  /** What is said in one turn goes out together: ten thousand joins are one message, not ten thousand. */
  #order(type: Order["type"], documentIds: Iterable<string>): void {
    if (!this.isOpen) return;
    if (this.#orders.length === 0) queueMicrotask(() => this.#flush());
    if (this.#orders.at(-1)?.type !== type) this.#orders.push({ type, documentIds: new Set() });
    for (const id of documentIds) this.#orders.at(-1)!.documentIds.add(id);
  }

  #flush(): void {
    const orders = this.#orders;
    this.#orders = [];
    for (const { type, documentIds } of orders) {
      for (const message of encode(type, documentIds)) this.#say(message);
    }
  }
}
