/**
 * The server: builds its parts, and has the one handler for requests, which shows what is where.
 *
 * @module
 */

import { CLOSE, type Close } from "../protocol.ts";
import { Admission } from "./http/admission.ts";
import { ALONE, type Backplane } from "./backplane/backplane.ts";
import { Broker } from "./pairing/broker.ts";
import { MemoryBudget } from "./core/memory_budget.ts";
import { type Clock, systemClock, type Timer, within } from "./core/clock.ts";
import { type RelayConfig, withDefaults } from "./config.ts";
import { ConfigError } from "./core/config_error.ts";
import { Counters, increment } from "./metrics/counters.ts";
import { DenoTransport } from "./transport/deno/transport.ts";
import { Dismissals } from "./dismissals.ts";
import { drain } from "./drain.ts";
import { Introducer } from "./discovery/introducer.ts";
import { LIMITS } from "./core/limits.ts";
import { ListenError } from "./listen_error.ts";
import { type Logger, relayLogger } from "./core/log.ts";
import { watchLoop } from "./metrics/loop_delay.ts";
import { answerAsset, makeAssets } from "./page/assets.ts";
import { answerPage, type Status } from "./page/page.ts";
import { Multiplexer } from "./multiplex/multiplexer.ts";
import { NatsBus } from "./backplane/bus/nats_bus.ts";
import { SharedBackplane } from "./backplane/shared_backplane.ts";
import { Refusal, type RefusalReason } from "./core/refusal.ts";
import type { RequestHead } from "./core/request_head.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { MULTIPLEX_PROTOCOL } from "../protocol.ts";
import { readTls } from "./core/tls.ts";
import { noSuchPage, Router, type SocketRoute } from "./http/router.ts";
import type { ConnectionKey } from "./core/connection_key.ts";
import { chosenSubprotocol } from "./http/subprotocol.ts";
import { Poll } from "./core/scheduling/poll.ts";
import { WorkScheduler } from "./core/scheduling/work_scheduler.ts";
import { EVERYTHING, type Grant, Tokens } from "./http/tokens.ts";
import { type Address, type Handler, type PeerSocket, type Transport, Upgrade } from "./transport/transport.ts";

/** `Deno.serve` takes its certificate once, and drops all sockets when it shuts down. */
const CANNOT_RENEW = "Cannot renew the certificate: want --transport tcp, or a restart, got --transport deno.";

/** Refusals that a connection gets as a close, as long as there are spare sockets. */
const DISMISSED_WITH: Partial<Record<RefusalReason, Close>> = { draining: CLOSE.restarting, full: CLOSE.full };

/** What tests replace. */
export interface ServerParts {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly transport?: Transport;
  readonly backplane?: Backplane;
}

/** A relay. Relays in one process share nothing. */
export class Server {
  readonly #config: RelayConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #assets = makeAssets();
  readonly #router = new Router(this.#assets.keys());
  readonly #tokens: Tokens;
  readonly #admission: Admission;
  readonly #backplane: Backplane;
  readonly #poll: Poll;
  readonly #scheduler: WorkScheduler;
  readonly #introducer: Introducer;
  readonly #broker: Broker;
  readonly #dismissals: Dismissals;
  readonly #multiplexer: Multiplexer;
  readonly #buffers: MemoryBudget;
  readonly #counters = new Counters();
  #transport: Transport | undefined;
  #metrics: Metrics | undefined;
  #loopWatch: Timer | undefined;
  readonly #startedAt: number;
  #requests = 0;
  #address: Address | undefined;
  readonly #hurry = Promise.withResolvers<void>();
  #listening: Promise<this> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param config Options that differ from the defaults.
   * @throws {ConfigError} When a value cannot be used.
   */
  constructor(
    config: Partial<RelayConfig> = {},
    { clock = systemClock, log = relayLogger(), transport, backplane }: ServerParts = {},
  ) {
    this.#config = withDefaults(config);
    this.#clock = clock;
    this.#log = log;
    this.#startedAt = clock.now();
    const buffers = this.#buffers = new MemoryBudget(this.#config.maxBufferedTotal, clock);
    this.#tokens = new Tokens(this.#config);
    this.#admission = new Admission(this.#config, this.#tokens, clock);
    const counters = this.#counters;
    this.#poll = new Poll(clock);
    const scheduler = this.#scheduler = new WorkScheduler(clock, this.#poll);
    this.#backplane = backplane ?? openBackplane(this.#config, { clock, counters, log, scheduler });
    const parts = { buffers, clock, counters, log, backplane: this.#backplane };
    this.#introducer = new Introducer({ ...parts, scheduler });
    const isInterested = (peerId: string, documentId: string) => this.#introducer.isInterested(peerId, documentId);
    this.#broker = new Broker({ ...this.#config, ...parts, isInterested, remind: (pending) => this.#remind(pending) });
    this.#dismissals = new Dismissals(clock);
    this.#multiplexer = new Multiplexer({
      ...parts,
      ...this.#config,
      scheduler,
      poll: this.#poll,
      budget: buffers,
      permitOf: (token) => this.#tokens.areNeeded ? this.#tokens.grantOf(token) : EVERYTHING,
      introduce: (...args) => this.#introducer.welcome(...args),
      connect: (...args) => this.#broker.welcome(...args),
    });
    this.#transport = transport;
  }

  /** The port it listens on, or the configured one before that. */
  get port(): number {
    return this.#address?.port ?? this.#config.port;
  }

  /** Requests that have come. */
  get requests(): number {
    return this.#requests;
  }

  /** What the relay publishes about itself. */
  get status(): Status {
    return {
      status: this.#admission.draining ? "draining" : "running",
      uptime: Math.floor((this.#clock.now() - this.#startedAt) / 1000),
      connections: this.#admission.connections,
      streams: this.#multiplexer.streams,
      ...this.#introducer.counts,
      ...this.#broker.counts,
      bufferedBytes: this.#buffers.total,
      backplane: this.#backplane.status,
      needsToken: this.#tokens.areNeeded,
      frames: this.#counters.delivered.text.frames + this.#counters.delivered.binary.frames,
    };
  }

  /**
   * Starts to accept connections. Rejects with a `ListenError` when the address cannot be bound, and with a
   * `ConfigError` when a certificate or key cannot be used; then it may be called again. Later calls wait for the same.
   */
  listen(): Promise<this> {
    if (this.#closing !== undefined) {
      return Promise.reject(new Error("Cannot listen: want a new relay, got a closed one."));
    }
    return this.#listening ??= this.#listen().catch((error) => {
      this.#listening = undefined;
      throw error;
    });
  }

  async #listen(): Promise<this> {
    await this.#tokens.load();
    if (this.#config.metrics) this.#metrics = await this.#openMetrics();
    this.#transport ??= await this.#openTransport();
    await this.#backplane.open({
      introduce: (...args) => this.#introducer.introduce(...args),
      charge: (...args) => this.#introducer.charge(...args),
      remind: (waiting) => this.#introducer.remindHere(waiting),
      joinRemote: (...args) => this.#broker.joinRemote(...args),
      supersede: (key) => this.#broker.supersede(key),
      sighted: (...args) => this.#broker.sighted(...args),
    });
    await this.#poll.open();
    this.#address = await this.#transport.listen(this.handle).catch(async (error) => {
      this.#poll.close();
      await this.#backplane.close();
      throw error instanceof ConfigError ? error : new ListenError(this.#config, error);
    });
    if (this.#metrics !== undefined) this.#loopWatch = watchLoop(this.#clock, this.#metrics.late);
    return this;
  }

  /** Reads the certificate again, and uses it for new connections; logs the result. */
  async renewCertificate(): Promise<void> {
    try {
      const tls = readTls(this.#config);
      if (tls === undefined) throw new ConfigError("Cannot renew the certificate: want --cert and --key, got none.");
      if (this.#transport?.renew === undefined) throw new ConfigError(CANNOT_RENEW);
      await this.#transport.renew(tls);
      this.#log.info("certificate renewed");
    } catch (error) {
      this.#log.error("the old certificate stays: {reason}", { reason: (error as Error).message });
    }
  }

  /** Answers one request. All requests come in here. */
  readonly handle: Handler = (request, address) => {
    this.#requests += 1;
    const route = this.#router.route(request);
    if (route instanceof Refusal) return this.#refuse(route, address);
    switch (route.kind) {
      case "page":
        return answerPage(request, this.status);
      case "asset":
        return answerAsset(request, this.#assets.get(route.path)!);
      case "health":
        return new Response("ok\n");
      case "ready":
        return this.#answerReady();
      case "metrics":
        return this.#metrics?.answer() ?? this.#refuse(noSuchPage("/metrics"), address);
      case "introduction":
      case "connection":
        return this.#answerSocket(request, address, route);
    }
  };

  /**
   * Ends the relay within `seconds` (default: `drainTimeout`; never less than 2): it admits no more sockets, lets pairs
   * finish until 2 seconds before the end, then closes all sockets. Later calls wait for the same end.
   */
  drain(seconds: number = this.#config.drainTimeout): Promise<void> {
    return this.#closing ??= this.#drain(seconds);
  }

  /** Ends the relay at once, even while it drains: closes all sockets with 1012. */
  close(): Promise<void> {
    this.#hurry.resolve();
    return this.drain(0);
  }

  async #drain(seconds: number): Promise<void> {
    this.#admission.drain();
    this.#introducer.drain();
    this.#loopWatch?.cancel();
    const introductions = () => this.#introducer.sockets();
    const emptied = () => this.#admission.emptied();
    const pace = { clock: this.#clock, hurry: this.#hurry.promise };
    await drain({ introductions, sockets: () => this.#sockets(), emptied }, seconds, pace);
    // A request that never ends must not keep the relay from ending.
    await within(this.#clock, LIMITS.shutdownMs, this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    // A listener that opens behind the end would stay.
    await this.#listening?.catch(() => {});
    await this.#transport?.close();
    // Those who have gone are still being removed from their documents.
    await Promise.all([this.#backplane.close(), this.#scheduler.finished()]);
    this.#poll.close();
  }

  async #openTransport(): Promise<Transport> {
    const { trustProxy, maxConnectionsPerIp } = this.#config;
    const options = {
      ...this.#config,
      tls: readTls(this.#config),
      // Behind a proxy all connections come from one address.
      maxHandshakesPerAddress: trustProxy ? 0 : maxConnectionsPerIp,
      buffers: this.#buffers,
      clock: this.#clock,
      poll: this.#poll,
      log: this.#log,
    };
    if (this.#config.transport === "deno") return new DenoTransport(options);
    // Loaded only where it is chosen.
    const { TcpTransport } = await import("./transport/tcp/transport.ts");
    return new TcpTransport(options);
  }

  async #openMetrics(): Promise<Metrics> {
    // Loaded only where it is chosen.
    const { Metrics } = await import("./metrics/metrics.ts");
    return new Metrics({ counters: this.#counters, present: () => this.#present() });
  }

  #present() {
    return { connected: false, remotePairs: 0, ...this.status, ...this.#backplane.status };
  }

  /** Says whether all instances get the reminder. */
  #remind(pending: ConnectionKey): boolean {
    if (this.#admission.draining) return false;
    this.#introducer.remind(pending);
    return this.#backplane.status?.connected !== false;
  }

  #answerReady(): Response {
    if (this.#admission.draining) return new Response("draining\n", { status: 503 });
    const isCutOff = this.#backplane.status?.connected === false;
    return isCutOff ? new Response("cut off from other instances\n", { status: 503 }) : new Response("ready\n");
  }

  *#sockets(): Iterable<PeerSocket> {
    // Streams first: each has a close of its own, before its socket ends.
    yield* this.#broker.sockets();
    yield* this.#introducer.sockets();
  }

  #answerSocket(request: RequestHead, address: string, route: SocketRoute): Response | Upgrade {
    const lease = this.#admission.admit(request, address, route);
    if (lease instanceof Refusal) return this.#dismiss(lease, request, route) ?? this.#refuse(lease, address);
    const requestedAt = Date.now();
    const enter = (socket: PeerSocket) => this.#enter(route, { grant: lease.grant, requestedAt }, socket);
    return new Upgrade(enter, lease.release, route.kind === "connection", chosenSubprotocol(request));
  }

  #dismiss({ reason }: Refusal, request: RequestHead, route: SocketRoute): Upgrade | undefined {
    const close = route.kind === "connection" ? DISMISSED_WITH[reason] : undefined;
    if (close === undefined || !this.#admission.isWelcome(request, route)) return;
    const upgrade = this.#dismissals.dismiss(close, chosenSubprotocol(request));
    if (upgrade !== undefined) increment(this.#counters.refused, reason);
    return upgrade;
  }

  #refuse(refusal: Refusal, address: string): Response {
    increment(this.#counters.refused, refusal.reason);
    this.#log.debug("refused {address}: {reason}", { address, reason: refusal.reason });
    return refusal.toResponse();
  }

  #enter(route: SocketRoute, { grant, requestedAt }: { grant: Grant; requestedAt: number }, socket: PeerSocket): void {
    this.#counters.opened[route.kind] += 1;
    const isMultiplexed = route.kind === "introduction" && (route.protocol ?? 0) >= MULTIPLEX_PROTOCOL;
    if (isMultiplexed) this.#multiplexer.welcome(route.localId, socket, grant);
    else if (route.kind === "introduction") this.#introducer.welcome(route.localId, socket, grant);
    else this.#broker.welcome({ ...route, requestedAt }, socket);
  }
}

type BackplaneParts = { clock: Clock; counters: Counters; log: Logger; scheduler: WorkScheduler };

function openBackplane(config: RelayConfig, parts: BackplaneParts): Backplane {
  if (config.nats.length === 0) return ALONE;
  const bus = new NatsBus({ ...config, ...parts });
  return new SharedBackplane(bus, { ...config, ...parts, splices: config.transport === "tcp" });
}
