/**
 * One introduction socket, from the dial to its end: with protocol 5 if the relay speaks it, or without.
 *
 * @module
 */

import { type Close, type JoinRefusal, MULTIPLEX_PROTOCOL, PROTOCOL_PARAMETER } from "../../protocol.ts";
import type { Call, Dialer, Ending } from "./dialer.ts";
import type { Environment } from "../environment.ts";
import { decode, encode, HEARTBEAT, type Order } from "./messages.ts";
import { LOST, readWelcome, Session, type SessionListener, type SessionSocket } from "../multiplex/session.ts";
import type { PlatformSocket } from "../peer_socket.ts";
import type { Path } from "../wire.ts";

/** Proxies close what is idle for 30 s and more. */
const HEARTBEAT_EVERY_MS = 25_000;

/** Why documents are refused that another token may permit. */
const EXPIRED: JoinRefusal = "expired";

/** Who hears what happens to the socket. Nothing is heard after its end, or after it was dropped or left. */
export interface RelaySocketListener extends Omit<SessionListener, "broken" | "welcomed"> {
  /** It is open, and the relay knows of no documents. */
  opened(): void;
  /** Another token is there: these documents, which were refused since the last one was over, may be joined. */
  permitted(documentIds: readonly string[]): void;
  ended(ending: Ending): void;
}

/** What a socket needs. */
export interface RelaySocketOptions {
  readonly path: Path;
  readonly dialer: Dialer;
  readonly environment: Environment;
  /** Whether to ask for protocol 5. */
  readonly multiplex: boolean;
}

/** Dials as soon as it is made. */
export class RelaySocket {
  readonly #options: RelaySocketOptions;
  readonly #listener: RelaySocketListener;
  readonly #call: Call;
  #socket: PlatformSocket | undefined;
  #session: Session | undefined;
  /** The relay has said something, and it was no welcome. */
  #isClassic: boolean;
  /** What is to be said of documents at the end of the turn: the last word about each. */
  readonly #orders = new Map<string, Order["type"]>();
  /** Documents that were not joined because the token was over. */
  readonly #expired = new Set<string>();
  #cancelHeartbeat = () => {};
  #isOver = false;

  /** @param listener Hears nothing before this has returned. */
  constructor(options: RelaySocketOptions, listener: RelaySocketListener) {
    this.#options = options;
    this.#listener = listener;
    this.#isClassic = !options.multiplex;
    this.#call = options.dialer.dial(this.#isClassic ? options.path : askFor(options.path), {
      dialled: (socket) => socket.binaryType = "arraybuffer",
      opened: (socket) => this.#opened(socket),
      heard: (data) => this.#heard(data),
      ended: (ending) => this.#ended(ending),
    });
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && !this.#isOver;
  }

  /** It may have streams. */
  get isMultiplexed(): boolean {
    return this.#session !== undefined;
  }

  /** Where conversations can be begun as streams, if they can. */
  get session(): Session | undefined {
    return this.#session?.isWelcoming ? this.#session : undefined;
  }

  /** What is said in one turn goes out together: ten thousand joins are one message, not ten thousand. */
  order({ type, documentIds }: Order): void {
    if (!this.isOpen) return;
    if (this.#orders.size === 0) queueMicrotask(() => this.#flush());
    for (const id of documentIds) this.#orders.set(id, type);
  }

  /** Ends it at once, and all streams with it. */
  drop(): void {
    this.#over();
    this.#session?.end(LOST);
    this.#call.drop();
  }

  /** Ends each stream, and then it. Nothing more is heard of it. */
  leave(close: Close): void {
    this.#over();
    if (this.#session === undefined) this.#call.drop();
    else this.#session.leave(close, () => this.#call.drop());
  }

  /** Runs `action` when the socket is closed, or if there is none. */
  whenClosed(action: () => void): void {
    this.#call.whenClosed(action);
  }

  #opened(socket: PlatformSocket): void {
    this.#socket = socket;
    this.#beat();
    if (!this.#isOver) this.#listener.opened();
  }

  #heard(data: unknown): void {
    if (this.#session !== undefined) return this.#session.heard(data);
    const welcome = this.#isClassic ? undefined : readWelcome(data);
    this.#isClassic = welcome === undefined;
    if (welcome === undefined) return this.#hearIntroduction(data);
    this.#cancelHeartbeat();
    const { dialer, environment } = this.#options;
    const options = {
      socket: this.#socket as unknown as SessionSocket,
      time: environment,
      askToken: () => dialer.renewToken(),
    };
    this.#session = new Session(welcome, options, this.#hearSession());
    this.#session.heard(data);
  }

  #hearSession(): SessionListener {
    const listener = this.#listener;
    return {
      welcomed: () => this.#welcomed(),
      introduced: (...values) => this.#isOver || listener.introduced(...values),
      refused: (...values) => this.#isOver || this.#refused(...values),
      goAway: (seconds) => this.#isOver || listener.goAway(seconds),
      failed: (error) => this.#isOver || listener.failed(error),
      broken: (error) => this.#call.fail(error),
    };
  }

  #welcomed(): void {
    const documentIds = [...this.#expired];
    this.#expired.clear();
    if (documentIds.length > 0 && !this.#isOver) this.#listener.permitted(documentIds);
  }

  #refused(documentIds: readonly string[], reason: string): void {
    if (reason === EXPIRED) { for (const id of documentIds) this.#expired.add(id); }
    this.#listener.refused(documentIds, reason);
  }

  #hearIntroduction(data: unknown): void {
    if (this.#isOver) return;
    try {
      const { userName, documentIds } = decode(data);
      this.#listener.introduced(userName, documentIds);
    } catch (error) {
      this.#listener.failed(error as Error);
    }
  }

  #ended(ending: Ending): void {
    const wasOver = this.#isOver;
    this.#over();
    this.#session?.end(LOST);
    if (!wasOver) this.#listener.ended(ending);
  }

  #over(): void {
    this.#isOver = true;
    this.#cancelHeartbeat();
    this.#orders.clear();
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#options.environment.after(HEARTBEAT_EVERY_MS, () => {
      this.#beat();
      if (this.#call.isClosing) this.#call.fail("it ended without a word");
      else this.#say(HEARTBEAT);
    });
  }

  #say(message: string): void {
    try {
      this.#socket?.send(message);
    } catch (error) {
      this.#call.fail(error);
    }
  }

  #flush(): void {
    const orders = [...this.#orders];
    this.#orders.clear();
    // What is left makes room for what is joined.
    for (const type of ["Leave", "Join"] as const) {
      const documentIds = orders.filter(([, last]) => last === type).map(([id]) => id);
      const messages = encode({ type, documentIds }, this.#session !== undefined);
      if (this.#session !== undefined) this.#session.say(messages);
      else for (const message of messages) this.#say(message);
    }
  }
}

/** The same place, and a word that this client speaks protocol 5. */
function askFor(path: Path): Path {
  const query = `?${PROTOCOL_PARAMETER}=${MULTIPLEX_PROTOCOL}`;
  return typeof path === "string" ? path + query : async () => await path() + query;
}
