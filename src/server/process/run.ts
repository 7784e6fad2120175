/**
 * The relay as a process: it listens, watches itself, and ends with an exit code.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { BackplaneError } from "../backplane/bus/bus.ts";
import { ConfigError } from "../core/config_error.ts";
import { DEPLOY_VARIABLE, type RelayConfig } from "../config.ts";
import { isLateReset } from "../core/guard.ts";
import { LIMITS } from "../core/limits.ts";
import { ListenError } from "../listen_error.ts";
import { type Logger, printLog, relayLogger } from "../core/log.ts";
import { LineQueue } from "./line_queue.ts";
import { availableMemory, descriptorLimit, ignoresHangup, openDescriptors, residentMemory } from "./machine.ts";
import { isDeaf } from "./self_probe.ts";
import { ownHost, ownUrl } from "../config/own_address.ts";
import { Server } from "../server.ts";
import { Watchdog } from "./watchdog.ts";

/** Exit codes. */
export const EXIT = {
  /** Drained on a signal. */
  ok: 0,
  /** The address cannot be bound, NATS refuses this relay, or anything else went wrong. */
  cannotStart: 1,
  /** An option cannot be used. */
  badConfig: 2,
  /** Memory or descriptors ran short: start it again (`EX_TEMPFAIL` of sysexits.h). */
  overloaded: 75,
  /** A second signal. */
  impatient: 130,
} as const;

/**
 * Runs a relay until a signal or its watchdog ends it; resolves to the exit code. {@link fail} handles what it throws.
 */
export async function runRelay(given: RelayConfig, clock: Clock = systemClock): Promise<number> {
  const log = relayLogger();
  const stderr = new LineQueue(Deno.stderr, clock, (lines) => log.error(DROPPED, { lines }));
  const logFormat = given.logFormat ?? (Deno.stderr.isTerminal() ? "pretty" : "json");
  await printLog({ ...given, logFormat }, (line) => stderr.push(line));
  try {
    return await run(given, { clock, log });
  } finally {
    await stderr.flush();
  }
}

/** Prints in one sentence why the process cannot go on; resolves to the exit code. */
export async function fail(error: unknown): Promise<number> {
  const stderr = new LineQueue(Deno.stderr, systemClock);
  stderr.push(`${sentenceOf(error)}\n`);
  await stderr.flush();
  return error instanceof ConfigError ? EXIT.badConfig : EXIT.cannotStart;
}

function sentenceOf(error: unknown): string {
  const isSentence = error instanceof ConfigError || error instanceof BackplaneError || error instanceof ListenError;
  if (isSentence) return error.message;
  const [reason] = String(error).split("\n");
  return `Cannot run: want no exception, got ${JSON.stringify(reason)}.`;
}

async function run(given: RelayConfig, { clock, log }: Surroundings): Promise<number> {
  surviveErrors(log);
  const descriptors = descriptorLimit(Math.ceil(given.maxConnections / CONNECTION_SHARE) + spareDescriptors(given));
  const config = fitToDescriptors(given, descriptors, log);
  const server = new Server(config, { clock, log });
  // Before listening: a signal may come as soon as the address is printed, and without a signal listener the runtime
  // panics when descriptors run out.
  const interruption = new Interruption({ clock, log });
  listenForHangups(server, config, interruption);
  listenForSignals(interruption);
  const overload = firstOverload(config, descriptors, { clock, log });
  await server.listen();
  announce(config, server.port, clock);
  const deafness = firstDeafness(server, config, { clock, log });
  if (Deno.env.get(DEPLOY_VARIABLE) !== undefined && config.nats.length === 0) log.warning(ISOLATED);
  const needsRestart = Promise.race([overload, deafness]);
  return await drained(server, await Promise.race([interruption.come, needsRestart]), needsRestart);
}

interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
}

const DROPPED = "dropped {lines} lines of this log: nobody took them in time";

/** Drains if a signal asks for it, but only until the watchdog reports an overload; resolves to the exit code. */
async function drained(server: Server, reason: End, overload: Promise<End>): Promise<number> {
  const end = reason === "overload" ? reason : await Promise.race([server.drain(), overload]) ?? reason;
  // A relay that is overloaded must not wait for its peers.
  await server.close();
  return end === "overload" ? EXIT.overloaded : EXIT.ok;
}

type End = "signal" | "overload";

const ISOLATED = "on Deno Deploy instances do not see each other: peers meet only where they reach the same one";

/** The share of descriptors for connections: well below the watchdog's limit. */
const CONNECTION_SHARE = LIMITS.descriptorShare * LIMITS.descriptorShare;

/** Those that are not for connections that have a place. */
function spareDescriptors({ transport, cert }: RelayConfig): number {
  return LIMITS.spareDescriptors + (transport === "tcp" && cert !== undefined ? LIMITS.acceptedAtOnce : 0);
}

function fitToDescriptors(config: RelayConfig, descriptors: number | undefined, log: Logger): RelayConfig {
  if (descriptors === undefined) return config;
  const most = Math.max(1, Math.floor((descriptors - spareDescriptors(config)) * CONNECTION_SHARE));
  if (config.maxConnections <= most) return config;
  log.warning("lowering --max-connections to {most}: only {descriptors} descriptors can be opened", {
    most,
    descriptors,
  });
  return { ...config, maxConnections: most };
}

/** What the guards did not catch: one mistake must not end a relay that serves thousands. */
function surviveErrors(log: Logger): void {
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log[isLateReset(event.error) ? "debug" : "error"]("uncaught error: {error}", { error: event.error });
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("unhandled rejection: {error}", { error: event.reason });
  });
}

/** The first signal starts the drain; a second one, if it is not the same one again, ends the process at once. */
class Interruption {
  readonly #surroundings: Surroundings;
  readonly #first = Promise.withResolvers<End>();
  #signalledAt: number | undefined;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Resolves at the first signal. */
  get come(): Promise<End> {
    return this.#first.promise;
  }

  /** The terminal is gone: that may be told many times. */
  hangUp(): void {
    if (this.#signalledAt === undefined) this.#begin("draining; the terminal is gone");
  }

  signal(): void {
    if (this.#signalledAt === undefined) return this.#begin("draining; a second signal ends the relay at once");
    if (this.#surroundings.clock.now() - this.#signalledAt >= LIMITS.sameSignalMs) Deno.exit(EXIT.impatient);
  }

  #begin(what: string): void {
    this.#signalledAt = this.#surroundings.clock.now();
    this.#surroundings.log.info(what);
    this.#first.resolve("signal");
  }
}

function listenForSignals(interruption: Interruption): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Windows knows only SIGINT of the two.
    if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
    Deno.addSignalListener(signal, () => interruption.signal());
  }
}

/**
 * SIGHUP renews the certificate. Without one it means that the terminal is gone, and drains the relay, unless it was
 * started with `nohup`. Must be called before other listeners are added: the first one resets what `nohup` has set.
 */
function listenForHangups(server: Server, { cert }: RelayConfig, interruption: Interruption): void {
  const isImmune = ignoresHangup() === true;
  const listener = () => {
    if (cert !== undefined) server.renewCertificate();
    else if (!isImmune) interruption.hangUp();
  };
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", listener);
}

function firstOverload(
  { maxMemory }: RelayConfig,
  descriptors: number | undefined,
  { clock, log }: Surroundings,
): Promise<End> {
  const limits = {
    memory: maxMemory ?? availableMemory() * LIMITS.memoryShare,
    descriptors: descriptors && Math.floor(descriptors * LIMITS.descriptorShare),
  };
  const vitals = { memory: residentMemory, descriptors: openDescriptors };
  return new Promise((resolve) => {
    new Watchdog(vitals, limits, clock, (reason) => {
      log.fatal("overloaded, ending to be started again: {reason}", { reason });
      resolve("overload");
    }).start();
  });
}

/** Resolves when the listener has not answered two probes in a row. */
function firstDeafness(server: Server, { host }: RelayConfig, { clock, log }: Surroundings): Promise<End> {
  return new Promise((resolve) => {
    const ask = async (wasDeaf: boolean) => {
      const deaf = await isDeaf({ host, port: server.port }, () => server.requests);
      if (!deaf || !wasDeaf) return void clock.after(LIMITS.probeMs, () => ask(deaf));
      log.fatal("the listener accepts nobody any more, ending to be started again");
      resolve("overload");
    };
    clock.after(LIMITS.probeMs, () => ask(false));
  });
}

/** The address that a browser on this machine opens: `localhost`, unless the relay listens on another address alone. */
function announce({ host, cert }: RelayConfig, port: number, clock: Clock): void {
  const isLocal = ["127.0.0.1", "::1"].includes(ownHost(host));
  const shown = isLocal ? "localhost" : host;
  new LineQueue(Deno.stdout, clock).push(`🐟 Listening at ${ownUrl({ host: shown, port, cert })}\n`);
}
