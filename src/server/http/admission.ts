/**
 * The checks before an upgrade. A socket that passes them gets a lease, which is released exactly once.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { RelayConfig } from "../config.ts";
import { LIMITS } from "../core/limits.ts";
import { networkOf, networkOfPeer } from "../core/networks.ts";
import { Origins } from "../config/origins.ts";
import type { RequestHead } from "../core/request_head.ts";
import { Refusal } from "../core/refusal.ts";
import { EVERYTHING, type Grant, type Tokens } from "./tokens.ts";

/** The options that decide which sockets may open. */
export type AdmissionConfig = Pick<
  RelayConfig,
  "allowOrigins" | "trustProxy" | "maxConnections" | "maxConnectionsPerIp" | "maxConnectsPerMinute"
>;

/** What the path of a socket says about it. */
export interface Applicant {
  readonly localId: string;
  /** The document of a connection. */
  readonly documentId?: string;
  /** The token in the prefix of the path. */
  readonly token?: string;
}

/** The place that a socket takes among the limits. */
export interface Lease {
  /** What its token permits. */
  readonly grant: Grant;
  /** Frees the place; only the first call counts. */
  release(): void;
}

/** Decides which sockets may open, and counts them. */
export class Admission {
  readonly #config: AdmissionConfig;
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #origins: Origins;
  readonly #perAddress = new Map<string, number>();
  readonly #connects: ConnectRate;
  #connections = 0;
  #draining = false;
  readonly #waiting: (() => void)[] = [];

  constructor(config: AdmissionConfig, tokens: Tokens, clock: Clock) {
    this.#config = config;
    this.#tokens = tokens;
    this.#clock = clock;
    this.#origins = new Origins(config.allowOrigins);
    this.#connects = new ConnectRate(config.maxConnectsPerMinute, clock);
  }

  /** Sockets that hold a lease. */
  get connections(): number {
    return this.#connections;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Admits no more sockets. */
  drain(): void {
    this.#draining = true;
  }

  /** Resolves when no socket holds a lease. */
  emptied(): Promise<void> {
    if (this.#connections === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Checks a request. The first check that fails refuses it. */
  admit(request: RequestHead, address: string, applicant: Applicant): Lease | Refusal {
    const grant = this.#refuseAll() ?? this.#judge(request, applicant);
    return grant instanceof Refusal ? grant : this.#lease(this.#addressOf(request, address), grant);
  }

  /** Whether the relay would admit it if it had room and did not drain. */
  isWelcome(request: RequestHead, applicant: Applicant): boolean {
    return !(this.#judge(request, applicant) instanceof Refusal);
  }

  #judge(request: RequestHead, applicant: Applicant): Grant | Refusal {
    return refuseRequest(request) ?? this.#refuseOrigin(request) ?? this.#grant(request, applicant);
  }

  #refuseAll(): Refusal | undefined {
    if (!this.#draining) return;
    return new Refusal("draining", "Cannot connect: the relay is restarting; come again.", retryAfter());
  }

  #refuseOrigin({ headers }: RequestHead): Refusal | undefined {
    const origin = headers.get("origin");
    // Only browsers send an origin that means anything: other programs write what they like.
    if (origin === null || this.#config.allowOrigins.length === 0) return;
    if (this.#origins.allow(origin)) return;
    return new Refusal("forbidden origin", `Cannot connect: want an allowed origin, got ${JSON.stringify(origin)}.`);
  }

  #grant(request: RequestHead, { token, localId, documentId }: Applicant): Grant | Refusal {
    if (!this.#tokens.areNeeded) return EVERYTHING;
    const shown = token ?? URL.parse(request.url)?.searchParams.get("token") ?? bearerToken(request.headers);
    const grant = shown === undefined ? undefined : this.#tokens.grantOf(shown);
    if (grant === undefined) return unauthorized(shown === undefined ? "none" : "another one, or an expired one");
    if (!grant.allowsPeer(localId)) {
      return new Refusal("forbidden id", `Cannot connect: want the peer id that the token names.`);
    }
    if (documentId === undefined || grant.allowsDocument(documentId)) return grant;
    return new Refusal("forbidden id", "Cannot connect: want a document that the token names.");
  }

  #lease(address: string, grant: Grant): Lease | Refusal {
    const { maxConnections, maxConnectionsPerIp } = this.#config;
    if (this.#connections >= maxConnections) {
      return new Refusal(
        "full",
        `Cannot connect: the relay takes ${maxConnections} sockets and is full.`,
        retryAfter(),
      );
    }
    const taken = this.#perAddress.get(address) ?? 0;
    if (maxConnectionsPerIp > 0 && taken >= maxConnectionsPerIp) {
      const sentence = `Cannot connect: the relay takes ${maxConnectionsPerIp} sockets per address.`;
      return new Refusal("too many connections", sentence, retryAfter());
    }
    return this.#connects.refuse(address) ?? this.#take(address, grant);
  }

  #take(address: string, grant: Grant): Lease {
    this.#count(address, 1);
    let held = true;
    return {
      grant,
      release: () => {
        if (held) this.#count(address, -1);
        held = false;
      },
    };
  }

  #count(address: string, change: 1 | -1): void {
    this.#connections += change;
    const taken = (this.#perAddress.get(address) ?? 0) + change;
    if (taken === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, taken);
    if (this.#connections === 0) { for (const resolve of this.#waiting.splice(0)) resolve(); }
  }

  #addressOf({ headers }: RequestHead, address: string): string {
    const own = networkOfPeer(address);
    if (!this.#config.trustProxy) return own;
    // The trusted proxy wrote only the last entry, the client what stands before it. A hidden address ("unknown")
    // counts as the proxy's: otherwise any text would evade every bound.
    return networkOf(headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "") ?? own;
  }
}

/** New sockets per address in the present minute. Forgets all addresses at the end of it, so it needs no cleaning. */
class ConnectRate {
  static readonly #WINDOW_MS = 60_000;
  readonly #counts = new Map<string, number>();
  #startedAt: number;

  constructor(readonly most: number, readonly clock: Clock) {
    this.#startedAt = clock.now();
  }

  refuse(address: string): Refusal | undefined {
    if (this.most === 0) return;
    this.#beginWindow();
    const count = this.#counts.get(address) ?? 0;
    if (count < this.most) {
      this.#counts.set(address, count + 1);
      return;
    }
    const seconds = Math.ceil((this.#startedAt + ConnectRate.#WINDOW_MS - this.clock.now()) / 1000);
    const sentence = `Cannot connect: the relay takes ${this.most} new sockets per address and minute.`;
    return new Refusal("too many connects", sentence, retryAfter(seconds));
  }

  #beginWindow(): void {
    if (this.clock.now() - this.#startedAt < ConnectRate.#WINDOW_MS) return;
    this.#counts.clear();
    this.#startedAt = this.clock.now();
  }
}

/** What the runtime does not check before it upgrades: it throws, or upgrades anything. */
function refuseRequest({ method, headers }: RequestHead): Refusal | undefined {
  if (method !== "GET") return new Refusal("method", `Cannot ${method} a socket: want GET.`, { allow: "GET" });
  const upgrade = headers.get("upgrade") ?? "none";
  const connection = (headers.get("connection") ?? "").toLowerCase().split(",").map((token) => token.trim());
  if (upgrade.toLowerCase() !== "websocket" || !connection.includes("upgrade")) {
    const sentence = `Cannot serve this as a page: want a WebSocket upgrade, got ${JSON.stringify(upgrade)}.`;
    return new Refusal("no upgrade", sentence, { upgrade: "websocket" });
  }
  const version = headers.get("sec-websocket-version");
  if (version !== "13") {
    const sentence = `Cannot upgrade: want sec-websocket-version 13, got ${JSON.stringify(version)}.`;
    return new Refusal("no upgrade", sentence, { upgrade: "websocket", "sec-websocket-version": "13" });
  }
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "")) {
    return new Refusal("bad request", "Cannot upgrade: want a sec-websocket-key of 16 bytes in base64.");
  }
}

function bearerToken(headers: RequestHead["headers"]): string | undefined {
  return /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function unauthorized(got: string): Refusal {
  const sentence = `Cannot connect: want a valid token, got ${got}.`;
  return new Refusal("unauthorized", sentence, { "www-authenticate": 'Bearer realm="relay"' });
}

function retryAfter(seconds: number = LIMITS.retryAfterSeconds): Record<string, string> {
  return { "retry-after": String(seconds) };
}
