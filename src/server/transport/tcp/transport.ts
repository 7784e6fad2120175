/**
 * The transport for a relay that faces the internet: one wire for everything, with TLS and without.
 *
 * It can do what the default cannot: pause a sender whose receiver is slow, end a socket without its consent, bound a
 * message whatever its fragments, end connections that never become requests, and share the thread among all of them.
 *
 * @module
 */

import type { Socket as TcpSocket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { ConfigError } from "../../core/config_error.ts";
import type { MemoryBudget } from "../../core/memory_budget.ts";
import { type Clock, hasStoodStill, type Timer } from "../../core/clock.ts";
import { Deadlines } from "../../core/deadlines.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { networkOfPeer } from "../../core/networks.ts";
import type { Tls } from "../../core/tls.ts";
import type { Address, Handler, Transport, Upgrade } from "../transport.ts";
import { BufferPool } from "./buffer_pool.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Handshake, type HandshakeOptions } from "./handshake.ts";
import { Listener } from "./listener.ts";
import type { Poll } from "../../core/scheduling/poll.ts";
import { Reader, type ReaderOptions } from "./reader.ts";
import { ReadScheduler } from "./read_scheduler.ts";
import { Socket, type SocketOptions } from "./socket.ts";
import { TlsListener } from "./tls_listener.ts";
import { TlsStream } from "./tls_stream.ts";
import { Turn } from "./turn.ts";

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
  /** Connections of one address that have not asked for anything yet; 0: no bound. */
  readonly maxHandshakesPerAddress: number;
  readonly buffers: MemoryBudget;
  readonly clock: Clock;
  readonly poll: Poll;
  readonly log: Logger;
}

/** What its connections share. */
interface Shared extends ConnectionOptions, ReaderOptions {}

/** Connections of the runtime's own, and what has become of them. */
export class TcpTransport implements Transport {
  readonly #options: TcpTransportOptions;
  readonly #connections = new Set<Connection>();
  /** Those that are no sockets yet, the oldest first, with the networks they come from, and how many each network has. */
  readonly #handshakes = new Map<Handshake, string>();
  readonly #perNetwork = new Map<string, number>();
  readonly #deadlines: Deadlines<Handshake>;
  readonly #sockets = new Set<Socket>();
  readonly #socketOptions: SocketOptions;
  readonly #pool = new BufferPool();
  #secureContext: SecureContext | undefined;
  #listener: Listener | TlsListener | undefined;
  #inspection: Timer | undefined;

  /** @throws {ConfigError} The runtime is too old. */
  constructor(options: TcpTransportOptions) {
    checkRuntime(Deno.version.deno);
    this.#options = options;
    this.#socketOptions = { ...options, left: (socket) => this.#sockets.delete(socket) };
    const { clock } = options;
    this.#deadlines = new Deadlines({ clock, ms: LIMITS.requestMs, expired: (handshake) => handshake.destroy() });
    if (options.tls !== undefined) this.#secureContext = createSecureContext(options.tls);
  }

  async listen(handler: Handler): Promise<Address> {
    const turn = new Turn(this.#options.poll);
    const { buffers, host } = this.#options;
    const shared = { pool: this.#pool, scheduler: new ReadScheduler(turn), turn, buffers, open: this.#connections };
    this.#listener = await this.#listenOn(shared, this.#handshakeOptions(handler));
    this.#inspect();
    return { hostname: host, port: this.#listener.port };
  }

  renew(tls: Tls): Promise<void> {
    this.#secureContext = createSecureContext(tls);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#inspection?.cancel();
    this.#deadlines.close();
    this.#listener?.close();
    // Also those that were refused or closed and did not hang up.
    for (const connection of this.#connections) connection.destroy();
    return Promise.resolve();
  }

  // deno-lint-ignore require-await -- it rejects where the listener throws
  async #listenOn(shared: Shared, options: HandshakeOptions): Promise<Listener | TlsListener> {
    const admit = (connection: Connection, address: string) => this.#admit(connection, address, options);
    const listening = { ...this.#options, turn: shared.turn };
    if (this.#secureContext !== undefined) {
      return TlsListener.open({ ...listening, accepted: (tcp, address) => admit(this.#secured(tcp, shared), address) });
    }
    const accepted = (tcp: Deno.TcpConn, address: string) =>
      admit(new Connection(tcp, (owner) => new Reader(tcp, owner, shared), shared), address);
    return new Listener({ ...listening, accepted });
  }

  #secured(tcp: TcpSocket, shared: Shared): Connection {
    const stream = new TlsStream(tcp, { ...shared, secureContext: this.#secureContext! });
    return new Connection(stream, (owner) => stream.readBy(owner), shared);
  }

  #handshakeOptions(handler: Handler): HandshakeOptions {
    const { clock, log, tls } = this.#options;
    return {
      handler,
      scheme: tls === undefined ? "http" : "https",
      clock,
      deadlines: this.#deadlines,
      log,
      upgraded: (connection, upgrade, rest) => this.#open(connection, upgrade, rest),
      left: (handshake) => this.#leave(handshake),
    };
  }

  #admit(connection: Connection, address: string, options: HandshakeOptions): void {
    const network = networkOfPeer(address);
    const most = this.#options.maxHandshakesPerAddress;
    if (most > 0 && (this.#perNetwork.get(network) ?? 0) >= most) return connection.destroy();
    // Whoever has asked for nothing yet makes room for somebody who may.
    if (this.#connections.size > this.#options.maxConnections + LIMITS.spareConnections) {
      const [oldest] = this.#handshakes.keys();
      (oldest ?? connection).destroy();
    }
    this.#handshakes.set(new Handshake(connection, address, options), network);
    this.#count(network, 1);
  }

  #leave(handshake: Handshake): void {
    this.#count(this.#handshakes.get(handshake)!, -1);
    this.#handshakes.delete(handshake);
  }

  #count(network: string, change: 1 | -1): void {
    const count = (this.#perNetwork.get(network) ?? 0) + change;
    if (count === 0) this.#perNetwork.delete(network);
    else this.#perNetwork.set(network, count);
  }

  /** Looks at all sockets four times in the idle time, so that a silent one is noticed within it. */
  #inspect(): void {
    const { clock, idleTimeout } = this.#options;
    const idleMs = idleTimeout > 0 ? idleTimeout * 1000 : Infinity;
    const period = Math.min(idleMs, LIMITS.stalledMs) / 4;
    const due = clock.now() + period;
    this.#inspection = clock.after(period, () => {
      // A relay that has stood still has not read yet what came meanwhile, and judges nobody.
      if (!hasStoodStill(clock.now() - due)) { for (const socket of this.#sockets) socket.inspect(idleMs); }
      this.#inspect();
    });
  }

  #open(connection: Connection, upgrade: Upgrade, rest: Uint8Array): void {
    this.#sockets.add(new Socket(connection, rest, upgrade, this.#socketOptions));
  }
}

/** The oldest on which this transport was tried with TLS, which on Deno 2.5 never answers. */
const OLDEST_DENO = [2, 8];

/** Throws a {@link ConfigError} if this version of Deno is too old for this transport. */
export function checkRuntime(version: string): void {
  const [major, minor] = version.split(".").map(Number);
  if (major > OLDEST_DENO[0] || (major === OLDEST_DENO[0] && minor >= OLDEST_DENO[1])) return;
  throw new ConfigError(`Cannot use --transport tcp: want Deno ${OLDEST_DENO.join(".")} or newer, got ${version}.`);
}
