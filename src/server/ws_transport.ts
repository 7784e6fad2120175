/**
 * The transport for a relay that faces the internet: `node:http` and the `ws` package.
 *
 * It can do what the default cannot: pause a sender whose receiver is slow, end a socket without its consent, bound a
 * message whatever its fragments, and end connections that never become requests.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Buffer } from "node:buffer";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { Clock, Timer } from "./clock.ts";
import { LIMITS } from "./limits.ts";
import type { Logger } from "./log.ts";
import { Refusal } from "./refusal.ts";
import type { Tls } from "./tls.ts";
import { type Address, type Handler, type Transport, Upgrade } from "./transport.ts";
import { WsSocket } from "./ws_socket.ts";

/** What the transport needs. */
export interface WsTransportOptions {
  readonly port: number;
  readonly host: string;
  readonly tls: Tls | undefined;
  /** Seconds after which a silent peer is closed; 0: never. */
  readonly idleTimeout: number;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  /** Sockets in all. A few connections more are taken, to refuse them with a sentence. */
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Listens with `node:http`. */
export class WsTransport implements Transport {
  readonly #options: WsTransportOptions;
  readonly #upgrader: WebSocketServer;
  readonly #sockets = new Set<WsSocket>();
  #server: Server | undefined;
  #inspection: Timer | undefined;

  constructor(options: WsTransportOptions) {
    this.#options = options;
    const upgraderOptions = {
      noServer: true,
      clientTracking: false,
      maxPayload: options.maxMessageBytes,
      // None: closing takes as long as a slow reader takes for what was sent before. `inspect` ends what is dead.
      closeTimeout: 2 ** 31 - 1,
    };
    this.#upgrader = new WebSocketServer(upgraderOptions);
  }

  listen(handler: Handler): Promise<Address> {
    const { port, host, tls } = this.#options;
    const server = this.#server = tls === undefined
      ? createServer(HTTP_LIMITS)
      : createTlsServer({ ...HTTP_LIMITS, ...tls });
    server.maxConnections = this.#options.maxConnections + LIMITS.spareConnections;
    const { log } = this.#options;
    server.on("request", (request, response) => respond(answerSafely(handler, request, log), response));
    server.on("upgrade", (request, socket, head) => this.#upgrade(handler, request, socket, head));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#options.log.error("listener failed: {error}", { error }));
        this.#inspect();
        resolve({ hostname: host, port: (server.address() as AddressInfo).port });
      });
    });
  }

  renew(tls: Tls): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(tls);
  }

  async close(): Promise<void> {
    this.#inspection?.cancel();
    await new Promise<void>((resolve) => {
      this.#server?.close(() => resolve());
      this.#server?.closeAllConnections();
    });
  }

  #upgrade(handler: Handler, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const answer = answerSafely(handler, request, this.#options.log);
    if (answer instanceof Upgrade) this.#open(answer, request, socket, head);
    else refuse(answer, socket);
  }

  #open(upgrade: Upgrade, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    let isOpen = false;
    // A client that is gone before the handshake ends never becomes a WebSocket.
    socket.once("close", () => isOpen || upgrade.ended());
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true;
      const peer = new WsSocket(webSocket, upgrade, this.#options);
      this.#sockets.add(peer);
      webSocket.once("close", () => this.#sockets.delete(peer));
    });
  }

  /** Looks at all sockets four times in the idle time, so that a silent one is noticed within it. */
  #inspect(): void {
    const { clock, idleTimeout } = this.#options;
    const idleMs = idleTimeout > 0 ? idleTimeout * 1000 : Infinity;
    this.#inspection = clock.after(Math.min(idleMs, LIMITS.stalledMs) / 4, () => {
      for (const socket of this.#sockets) socket.inspect(idleMs);
      this.#inspect();
    });
  }
}

/** What `node:http` allows a connection before it is a WebSocket. */
const HTTP_LIMITS = {
  headersTimeout: LIMITS.requestMs,
  requestTimeout: LIMITS.requestMs,
  keepAliveTimeout: LIMITS.requestMs,
  connectionsCheckingInterval: LIMITS.requestMs / 4,
};

function answerSafely(handler: Handler, request: IncomingMessage, log: Logger): Response | Upgrade {
  try {
    return handler(toRequest(request), request.socket.remoteAddress ?? "");
  } catch (error) {
    if (error instanceof BadRequest) return new Refusal("bad request", error.message).toResponse();
    log.error("cannot answer a request: {error}", { error });
    return new Refusal("internal error", "Cannot answer: the relay failed.").toResponse();
  }
}

class BadRequest extends Error {}

function toRequest({ method, url = "/", headers }: IncomingMessage): Request {
  try {
    const target = url.startsWith("/") ? `http://${headers.host ?? "relay"}${url}` : url;
    return new Request(target, { method, headers: headers as Record<string, string> });
  } catch {
    throw new BadRequest("Cannot read the request: want a valid method, target and host header.");
  }
}

/** Answers a request that did not ask for an upgrade: the handler has granted none. */
async function respond(answer: Response | Upgrade, response: ServerResponse): Promise<void> {
  if (answer instanceof Upgrade) return answer.ended();
  const body = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), "content-length": body.byteLength });
  response.end(body);
}

/** Answers on a connection that asked for an upgrade, which `node:http` has let go of. */
async function refuse(response: Response, socket: Duplex): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = { ...Object.fromEntries(response.headers), "content-length": body.byteLength, connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}\r\n${lines.join("")}\r\n`);
  socket.end(body);
}
