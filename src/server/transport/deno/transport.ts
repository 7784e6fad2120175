/**
 * The default transport: `Deno.serve` and `Deno.upgradeWebSocket`, with the guards that they need.
 *
 * - The handler must not wait, and nothing that can throw stands between `upgradeWebSocket` and the return of its
 *   response: a client that hangs up meanwhile would leak its descriptor, and a throw would stop the listener.
 * - `Deno.serve` ends when descriptors run out, so the relay starts it again.
 *
 * @module
 */

import { type Clock, type Timer, within } from "../../core/clock.ts";
import { DenoSocket, type DenoSocketOptions } from "./socket.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { Refusal } from "../../core/refusal.ts";
import { type Address, type Handler, type Transport, Upgrade } from "../transport.ts";
import { TurnCounter } from "./turn_counter.ts";

/** What the transport needs. */
export interface DenoTransportOptions {
  readonly port: number;
  readonly host: string;
  /** PEM texts, for TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Seconds after which a silent peer is closed; 0: never. */
  readonly idleTimeout: number;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

type HttpServer = Deno.HttpServer<Deno.NetAddr>;

/** Listens with `Deno.serve`. */
export class DenoTransport implements Transport {
  readonly #options: DenoTransportOptions;
  readonly #socketOptions: DenoSocketOptions;
  #server: HttpServer | undefined;
  #restart: Timer | undefined;
  #isClosing = false;

  constructor(options: DenoTransportOptions) {
    this.#options = options;
    this.#socketOptions = { ...options, turns: new TurnCounter(options.clock) };
  }

  listen(handler: Handler): Promise<Address> {
    return new Promise((resolve) => {
      const server = this.#serve(handler, this.#options.port);
      resolve({ hostname: this.#options.host, port: server.addr.port });
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#restart?.cancel();
    // It waits for a request whose body never ends, until its client hangs up. To abort the server then throws an error
    // that nobody can catch: the runtime does not know it any more.
    const shutdown = this.#server?.shutdown() ?? Promise.resolve();
    await within(this.#options.clock, LIMITS.shutdownMs / 2, shutdown);
  }

  #serve(handler: Handler, port: number): HttpServer {
    const { host: hostname, tls } = this.#options;
    const server: HttpServer = Deno.serve(
      { port, hostname, onListen: () => {}, ...tls },
      (request, { remoteAddr }) => this.#answer(handler, request, remoteAddr.hostname),
    );
    const again = (reason?: unknown) => this.#serveAgain(handler, server.addr.port, reason);
    server.finished.then(again, again);
    this.#server = server;
    return server;
  }

  #serveAgain(handler: Handler, port: number, reason: unknown): void {
    if (this.#isClosing) return;
    this.#options.log.error("listener ended, listening again: {reason}", { reason: String(reason) });
    this.#restart = this.#options.clock.after(LIMITS.serveAgainMs, () => {
      try {
        this.#serve(handler, port);
      } catch (error) {
        this.#serveAgain(handler, port, error);
      }
    });
  }

  #answer(handler: Handler, request: Request, address: string): Response {
    try {
      const answer = handler(request, address);
      return answer instanceof Upgrade ? this.#upgrade(request, answer) : answer;
    } catch (error) {
      this.#options.log.error("cannot answer a request: {error}", { error });
      return new Refusal("internal error", "Cannot answer: the relay failed.").toResponse();
    }
  }

  #upgrade(request: Request, upgrade: Upgrade): Response {
    let upgraded: Deno.WebSocketUpgrade;
    try {
      upgraded = Deno.upgradeWebSocket(request, { idleTimeout: Math.ceil(this.#options.idleTimeout) });
    } catch (error) {
      upgrade.ended();
      return new Refusal("bad request", `Cannot upgrade: ${(error as Error).message}.`).toResponse();
    }
    new DenoSocket(upgraded.socket, upgrade, this.#socketOptions);
    // The `protocol` option of the runtime throws where names are not separated by ", ". A token is always a valid
    // value.
    if (upgrade.subprotocol !== undefined) upgraded.response.headers.set("sec-websocket-protocol", upgrade.subprotocol);
    return upgraded.response;
  }
}
