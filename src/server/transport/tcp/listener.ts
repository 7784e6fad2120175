/**
 * Accepts connections, come what may.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import type { Tls } from "../../core/tls.ts";
import type { Turn } from "./turn.ts";

/** Where and how to listen. */
export interface ListenerOptions {
  readonly port: number;
  readonly host: string;
  readonly tls: Tls | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly turn: Turn;
  readonly accepted: (connection: Deno.Conn) => void;
}

type Source = Deno.TcpListener | Deno.TlsListener;

/** One address that is listened on. */
export class Listener {
  readonly #options: ListenerOptions;
  /** None while it is being renewed, and at the end. */
  #source: Source | undefined;
  #isClosed = false;
  readonly port: number;

  /** Throws when the address cannot be bound. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#source = open(options, options.port, options.tls);
    this.port = this.#source.addr.port;
    this.#accept(this.#source);
  }

  /** Takes another certificate for new connections: the runtime wants another listener for it, on the same port. */
  async renew(tls: Tls): Promise<void> {
    this.#stop();
    const renewed = await this.#reopen(tls);
    if (renewed !== undefined) this.#accept(this.#source = renewed);
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #stop(): void {
    const source = this.#source;
    this.#source = undefined;
    source?.close();
  }

  /** The port is free when the old listener is gone, a turn of the event loop later. */
  async #reopen(tls: Tls): Promise<Source | undefined> {
    for (;;) {
      await this.#rest(0);
      if (this.#isClosed) return;
      try {
        return open(this.#options, this.port, tls);
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      }
    }
  }

  async #accept(source: Source): Promise<void> {
    while (this.#source === source) {
      try {
        const connection = await source.accept();
        this.#options.accepted(connection);
        await this.#turn();
      } catch (error) {
        if (this.#source === source && !isLostBefore(error)) await this.#failed(error);
      }
    }
  }

  /** Connections that wait in thousands shall not keep those from being heard that were accepted. */
  #turn(): Promise<void> | void {
    const { turn } = this.#options;
    turn.spend(LIMITS.acceptWork);
    if (turn.isOver) return new Promise((resolve) => turn.run(resolve));
  }

  /** Not to spin while nothing can be accepted, because descriptors have run out. */
  #failed(error: unknown): Promise<void> {
    this.#options.log.error("cannot accept connections: {error}", { error });
    return this.#rest(LIMITS.serveAgainMs);
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }
}

function open({ host }: ListenerOptions, port: number, tls: Tls | undefined): Source {
  const address = { hostname: host, port, tcpBacklog: LIMITS.acceptBacklog };
  return tls === undefined ? Deno.listen(address) : Deno.listenTls({ ...address, ...tls });
}

/** Whether this was one connection that was reset before it was accepted, and says nothing about the next. */
function isLostBefore(error: unknown): boolean {
  return ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EINVAL"].includes((error as { code?: string }).code ?? "");
}
