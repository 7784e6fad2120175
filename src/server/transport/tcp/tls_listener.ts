/**
 * Accepts connections for Node's TLS, come what may.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Turn } from "./turn.ts";

/** Where and how to listen. */
export interface TlsListenerOptions {
  readonly port: number;
  readonly host: string;
  readonly clock: Clock;
  readonly turn: Turn;
  /** @param address Where it comes from. */
  readonly accepted: (connection: Socket, address: string) => void;
}

/** The handle of Node's server, which has more than its types say. */
interface Handle {
  listen(backlog: number): number;
}

/** One address that is listened on. The runtime accepts at most 128 connections in one turn of the event loop. */
export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: Server;
  #again: Timer | undefined;

  private constructor(options: TlsListenerOptions) {
    this.#options = options;
    const how = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    this.#server = createServer(how, (connection) => this.#accepted(connection));
  }

  /** Rejects when the address cannot be bound. */
  static async open(options: TlsListenerOptions): Promise<TlsListener> {
    const listener = new TlsListener(options);
    await listener.#listen();
    return listener;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    this.#again?.cancel();
    this.#server.close();
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: LIMITS.acceptBacklog }, resolve);
    });
    this.#listenAgain();
  }

  #accepted(connection: Socket): void {
    const { accepted, turn } = this.#options;
    turn.spend(LIMITS.acceptWork);
    // It was reset since it was accepted.
    if (connection.remoteAddress === undefined) connection.destroy();
    else accepted(connection, connection.remoteAddress);
  }

  /** When descriptors have run out, Node's server on Deno accepts nothing any more, and says nothing, until told to. */
  #listenAgain(): void {
    const { _handle } = this.#server as unknown as { _handle: Handle };
    this.#again = this.#options.clock.after(LIMITS.serveAgainMs, () => {
      _handle.listen(LIMITS.acceptBacklog);
      this.#listenAgain();
    });
  }
}
