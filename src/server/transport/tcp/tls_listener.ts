/**
 * Accepts connections for Node's TLS.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { LIMITS } from "../../core/limits.ts";
import type { ListenerOptions } from "./listener.ts";

/** Where and how to listen. */
export type TlsListenerOptions = Omit<ListenerOptions<Socket>, "clock">;

/**
 * One address that is listened on. In one turn of the event loop the runtime accepts at most 128 connections.
 *
 * Where descriptors run out it accepts nothing any more, and says nothing: the relay is to restart before that.
 */
export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: Server;

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
    this.#server.close();
  }

  async #listen(): Promise<void> {
    const { host, log, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: LIMITS.acceptBacklog }, resolve);
    });
    this.#server.on("error", (error) => log.error("cannot accept connections: {error}", { error }));
  }

  #accepted(connection: Socket): void {
    const { accepted, turn } = this.#options;
    turn.spend(LIMITS.acceptWork);
    // It was reset since it was accepted.
    if (connection.remoteAddress === undefined) connection.destroy();
    else accepted(connection, connection.remoteAddress);
  }
}
