/**
 * Accepts connections, come what may.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import type { Turn } from "./turn.ts";

/** Where and how to listen. */
export interface ListenerOptions<Accepted = Deno.TcpConn> {
  readonly port: number;
  readonly host: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly turn: Turn;
  /** @param address Where it comes from. */
  readonly accepted: (connection: Accepted, address: string) => void;
}

/** One address that is listened on. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #source: Deno.TcpListener;
  #isClosed = false;

  /** Throws when the address cannot be bound. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    const { host, port } = options;
    this.#source = Deno.listen({ hostname: host, port, tcpBacklog: LIMITS.acceptBacklog });
    this.#accept();
  }

  get port(): number {
    return this.#source.addr.port;
  }

  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      let work: number = LIMITS.acceptWork;
      try {
        const connection = await this.#source.accept();
        ignoreErrors(() => connection.setNoDelay(true));
        this.#options.accepted(connection, connection.remoteAddr.hostname);
      } catch (error) {
        work = LIMITS.lostAcceptWork;
        if (!this.#isClosed && !isLostBefore(error)) await this.#failed(error);
      }
      await this.#spend(work);
    }
  }

  /** Connections that wait in thousands, lost or not, shall not keep those from being heard that were accepted. */
  #spend(work: number): Promise<void> | void {
    const { turn } = this.#options;
    turn.spend(work);
    if (turn.isOver) return new Promise((resolve) => turn.run(resolve));
  }

  /** Not to spin while nothing can be accepted, because descriptors have run out. */
  #failed(error: unknown): Promise<void> {
    this.#options.log.error("cannot accept connections: {error}", { error });
    return new Promise((resolve) => this.#options.clock.after(LIMITS.serveAgainMs, resolve));
  }
}

/** A connection that was reset since it was accepted throws; its first read will tell. */
function ignoreErrors(action: () => void): void {
  try {
    action();
  } catch {
    // As above.
  }
}

/** Whether this was one connection that was reset before it was accepted, and says nothing about the next. */
function isLostBefore(error: unknown): boolean {
  return ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EINVAL"].includes((error as { code?: string }).code ?? "");
}
