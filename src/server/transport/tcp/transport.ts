/**
 * The transport for a relay that faces the internet: `node:http`, the `ws` package for introductions, and connections
 * that are only bytes.
 *
 * It can do what the default cannot: pause a sender whose receiver is slow, end a socket without its consent, bound a
 * message whatever its fragments, and end connections that never become requests.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { Clock, Timer } from "../../core/clock.ts";
import { ConfigError } from "../../core/config_error.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { MemoryPool } from "./buffer_pool.ts";
import { ReadTurns } from "./read_scheduler.ts";
import { Refusal } from "../../core/refusal.ts";
import type { Tls } from "../../core/tls.ts";
import { StreamWire } from "./stream_wire.ts";
import { TcpStream } from "./stream.ts";
import { TcpWire } from "./tcp_wire.ts";
import { type Address, type Handler, type Transport, Upgrade } from "../transport.ts";
import { WireSocket } from "./socket.ts";
import { WsSocket } from "./ws_socket.ts";

/** What the transport needs. */
export interface TcpTransportOptions {
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

/** Listens by itself, or with `node:https`, and lets `node:http` read the requests. */
export class TcpTransport implements Transport {
  readonly #options: TcpTransportOptions;
  readonly #upgrader: WebSocketServer;
  readonly #sockets = new Set<WsSocket | WireSocket>();
  readonly #wires = { pool: new MemoryPool(), turns: new ReadTurns(), open: new Set<TcpWire>() };
  readonly #tlsConnections = new Set<Socket>();
  #listener: Deno.TcpListener | undefined;
  #tlsServer: TlsServer | undefined;
  #inspection: Timer | undefined;

  /** @throws {ConfigError} The runtime is too old. */
  constructor(options: TcpTransportOptions) {
    checkRuntime(Deno.version.deno);
    this.#options = options;
    const upgraderOptions = {
      noServer: true,
      clientTracking: false,
      // None is chosen, as on the other transport.
      handleProtocols: () => false as const,
      maxPayload: options.maxMessageBytes,
      // None: closing takes as long as a slow reader takes for what was sent before. `inspect` ends what is dead.
      closeTimeout: 2 ** 31 - 1,
    };
    this.#upgrader = new WebSocketServer(upgraderOptions);
  }

  async listen(handler: Handler): Promise<Address> {
    const { tls } = this.#options;
    const server = tls === undefined ? createServer() : createTlsServer({ ...HTTP_LIMITS, ...tls });
    const { log } = this.#options;
    server.on("request", (request, response) => respond(answerSafely(handler, request, log), response));
    server.on("upgrade", (request, socket, head) => this.#upgrade(handler, request, socket, head));
    const address = server instanceof TlsServer ? await this.#listenTls(server) : this.#listenTcp(server);
    this.#inspect();
    return address;
  }

  renew(tls: Tls): void {
    this.#tlsServer?.setSecureContext(tls);
  }

  async close(): Promise<void> {
    this.#inspection?.cancel();
    this.#listener?.close();
    this.#listener = undefined;
    await new Promise<void>((resolve) => {
      if (this.#tlsServer === undefined) resolve();
      else this.#tlsServer.close(() => resolve());
      // Also those that were refused or closed and did not hang up.
      for (const connection of [...this.#wires.open, ...this.#tlsConnections]) connection.destroy();
    });
  }

  /**
   * Accepts, and hands each connection to `node:http` as a stream. What `node:http` accepts by itself costs more for each
   * message, and when descriptors run out it never accepts again.
   */
  #listenTcp(server: Server): Address {
    const { port, host } = this.#options;
    this.#listener = Deno.listen({ port, hostname: host });
    // `node:http` hangs up behind every answer, since it does not listen itself: so clients are told.
    server.prependListener("request", (_, response) => response.setHeader("connection", "close"));
    this.#accept(this.#listener, server);
    return { hostname: host, port: this.#listener.addr.port };
  }

  async #accept(listener: Deno.TcpListener, server: Server): Promise<void> {
    while (this.#listener === listener) {
      try {
        const connection = await listener.accept();
        if (this.#listener === listener) this.#admit(connection, server);
        else connection.close();
      } catch (error) {
        if (this.#listener === listener && !isLostBefore(error)) await this.#rest(error);
      }
    }
  }

  /** Not to spin while nothing can be accepted, because descriptors have run out. */
  #rest(error: unknown): Promise<void> {
    const { clock, log } = this.#options;
    log.error("cannot accept connections: {error}", { error });
    return new Promise((resolve) => clock.after(LIMITS.serveAgainMs, resolve));
  }

  get #mostConnections(): number {
    return this.#options.maxConnections + LIMITS.spareConnections;
  }

  #admit(connection: Deno.TcpConn, server: Server): void {
    if (this.#wires.open.size >= this.#mostConnections) return connection.close();
    const wire = new TcpWire(connection, this.#wires);
    server.emit("connection", new TcpStream(wire, connection.remoteAddr.hostname, this.#options.clock));
  }

  #listenTls(server: TlsServer): Promise<Address> {
    const { port, host, log } = this.#options;
    this.#tlsServer = server;
    server.maxConnections = this.#mostConnections;
    server.on("connection", (connection: Socket) => this.#track(connection));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        server.on("error", (error) => log.error("listener failed: {error}", { error }));
        resolve({ hostname: host, port: (server.address() as AddressInfo).port });
      });
    });
  }

  #track(connection: Socket): void {
    this.#tlsConnections.add(connection);
    connection.on("close", () => this.#tlsConnections.delete(connection));
  }

  #upgrade(handler: Handler, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    if (socket instanceof TcpStream) socket.upgraded();
    const answer = answerSafely(handler, request, this.#options.log);
    if (answer instanceof Upgrade) this.#open(answer, request, socket, head);
    else refuse(answer, socket, this.#options.clock);
  }

  #open(upgrade: Upgrade, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (upgrade.crosses) return this.#splice(upgrade, request, socket, head);
    let isOpen = false;
    // A client that is gone before the handshake ends never becomes a WebSocket.
    socket.once("close", () => isOpen || upgrade.ended());
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true;
      const peer = new WsSocket(webSocket, socket, upgrade, this.#options);
      this.#sockets.add(peer);
      socket.on("close", () => this.#sockets.delete(peer));
    });
  }

  /** A connection socket: this relay's own code carries it, from the handshake on. */
  #splice(upgrade: Upgrade, { headers }: IncomingMessage, socket: Duplex, head: Buffer): void {
    const key = headers["sec-websocket-key"];
    const wire = socket instanceof TcpStream
      ? socket.wire
      : new StreamWire((socket as Socket).setTimeout(0).setNoDelay(true));
    const accept = createHash("sha1").update(key + GUID).digest("base64");
    wire.write(new TextEncoder().encode(`${SWITCHING}sec-websocket-accept: ${accept}\r\n\r\n`));
    const { opened, ended } = upgrade;
    const left = () => {
      this.#sockets.delete(peer);
      ended();
    };
    const peer = new WireSocket(wire, head, new Upgrade(opened, left, true), this.#options);
    this.#sockets.add(peer);
  }

  /** Looks at all sockets four times in the idle time, so that a silent one is noticed within it. */
  #inspect(): void {
    const { clock, idleTimeout } = this.#options;
    const idleMs = idleTimeout > 0 ? idleTimeout * 1000 : Infinity;
    const period = Math.min(idleMs, LIMITS.stalledMs) / 4;
    const due = clock.now() + period;
    this.#inspection = clock.after(period, () => {
      // A relay that has stood still has not read yet what came meanwhile, and judges nobody.
      if (clock.now() - due < period / 2) { for (const socket of this.#sockets) socket.inspect(idleMs); }
      this.#inspect();
    });
  }
}

/** Whether this was one connection that was reset before it was accepted, and says nothing about the next. */
function isLostBefore(error: unknown): boolean {
  return ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EINVAL"].includes((error as { code?: string }).code ?? "");
}

/** On an older Deno, `node:http` never hangs up on whom it refuses an upgrade, and loses the last frames of a socket. */
const OLDEST_DENO = [2, 8];

/** Throws a {@link ConfigError} if this version of Deno is too old for this transport. */
export function checkRuntime(version: string): void {
  const [major, minor] = version.split(".").map(Number);
  if (major > OLDEST_DENO[0] || (major === OLDEST_DENO[0] && minor >= OLDEST_DENO[1])) return;
  throw new ConfigError(`Cannot use --transport tcp: want Deno ${OLDEST_DENO.join(".")} or newer, got ${version}.`);
}

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n";

/** What `node:https` allows a connection before it is a WebSocket. */
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

/** Answers a request that `node:http` does not take for an upgrade. */
async function respond(granted: Response | Upgrade, response: ServerResponse): Promise<void> {
  const answer = granted instanceof Upgrade ? notGranted(granted) : granted;
  const body = Buffer.from(await answer.arrayBuffer());
  // A 304 speaks of the body that the client has.
  const length = answer.status === 304 ? {} : { "content-length": body.byteLength };
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), ...length });
  response.end(body);
}

function notGranted(upgrade: Upgrade): Response {
  upgrade.ended();
  return new Refusal("bad request", "Cannot upgrade: want one upgrade header and nothing after it.").toResponse();
}

/** Answers on a connection that asked for an upgrade, which `node:http` has let go of, and hangs up. */
async function refuse(response: Response, socket: Duplex, clock: Clock): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = { ...Object.fromEntries(response.headers), "content-length": body.byteLength, connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}\r\n${lines.join("")}\r\n`);
  socket.end(body);
  // Who does not hang up by itself is not waited for.
  const termination = clock.after(LIMITS.closeMs, () => socket.destroy());
  socket.on("close", () => termination.cancel()).on("end", () => socket.destroy()).resume();
}
