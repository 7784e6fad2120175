/**
 * What a client can be told, checked at once.
 *
 * @module
 */

import { introductionPath, WIRE_LIMITS } from "../protocol.ts";
import { LONGEST_TIMER_MS } from "./environment.ts";
import type { WebSocketClass } from "./peer_socket.ts";
import { type Backoff, DEFAULT_BACKOFF } from "./link/reconnect.ts";
import { relayUrl } from "./relay_url.ts";
import { readSecret, type Secret } from "./sealed/secret.ts";

/** What a relay may ask for, or a function that gets it, called before every connection. */
export type Token = string | (() => string | undefined | Promise<string | undefined>);

/** How a client is made. */
export interface ClientOptions {
  /**
   * The relay: `host`, `host:port`, or an `http(s)://` or `ws(s)://` URL, also as a `URL` object. Without a scheme it is `wss://`, or `ws://`
   * for localhost and loopback addresses.
   */
  url: string | { readonly href: string };
  /** Identifies this peer to others, in 1 to 512 bytes of UTF-8. A random one if left out. */
  userName?: string;
  /** Documents to join at once. */
  documentIds?: Iterable<string>;
  /** For relays that want one. */
  token?: Token;
  /**
   * Seals everything: peers with the same secret meet, and nobody else learns names, documents or words. What
   * `createSecret()` gave, or 32 bytes.
   */
  secret?: Secret;
  /**
   * Whether all conversations share the one socket to the relay, if the relay can do so. If it is false, each gets a
   * WebSocket of its own. True if left out.
   */
  multiplex?: boolean;
  /** Milliseconds: the first try to reconnect is at most this late. 500 if left out. */
  minRetryDelay?: number;
  /** By how much that bound grows with every failure. 2 if left out. */
  backoffFactor?: number;
  /** Milliseconds: the bound grows up to this. 30,000 if left out. */
  maxRetryDelay?: number;
  /** The WebSocket class to use in place of the platform's own. Node has one since version 22; before, take `ws`. */
  WebSocket?: WebSocketClass;
}

/** Options with nothing left out. */
export interface Settings {
  readonly url: string;
  readonly userName: string;
  readonly documentIds: readonly string[];
  readonly token: Token | undefined;
  /** 32 bytes. */
  readonly secret: Uint8Array | undefined;
  readonly multiplex: boolean;
  readonly backoff: Backoff;
  readonly WebSocket: WebSocketClass;
}

/** Fills in what was left out. Throws a `TypeError` for the first option that cannot be used. */
export function settle(options: ClientOptions): Settings {
  const { url, userName = randomId(), documentIds = [], token, WebSocket = globalThis.WebSocket } = options ?? {};
  const settings = {
    url: relayUrl(checkUrl(url)),
    userName,
    documentIds: checkDocuments(documentIds),
    token: checkToken(token),
    secret: options.secret === undefined ? undefined : readSecret(options.secret),
    multiplex: checkMultiplex(options.multiplex),
    backoff: checkBackoff(options),
    WebSocket: checkWebSocket(WebSocket),
  };
  checkId(userName);
  return settings;
}

/** Throws a `TypeError` unless this can be the id of a peer or a document. */
export function checkId(id: string): void {
  introductionPath(id);
}

/** Throws a `TypeError` unless this can be one more of the documents of a peer, or is among them. */
export function checkJoin(documentIds: ReadonlySet<string>, id: string): void {
  checkId(id);
  const { documentsPerPeer } = WIRE_LIMITS;
  if (documentIds.size < documentsPerPeer || documentIds.has(id)) return;
  throw new TypeError(`Cannot join another document: want at most ${documentsPerPeer}, got one more`);
}

function checkUrl(url: unknown): string {
  if (typeof url === "string" && url !== "") return url;
  // Not `instanceof`: a test environment may have a URL class of its own.
  const { href } = (url ?? {}) as { href?: unknown };
  if (typeof href === "string" && href !== "") return href;
  throw misuse("want a url", url === "" ? '""' : url);
}

function checkDocuments(documentIds: Iterable<string>): string[] {
  // A string is iterable too: one document each for its characters is never meant.
  if (typeof documentIds === "string" || typeof documentIds?.[Symbol.iterator] !== "function") {
    throw misuse("want documentIds to be a list of strings", documentIds);
  }
  const list = [...documentIds];
  list.forEach(checkId);
  const { size } = new Set(list);
  if (size <= WIRE_LIMITS.documentsPerPeer) return list;
  throw misuse(`want at most ${WIRE_LIMITS.documentsPerPeer} documents`, size);
}

function checkToken(token: unknown): Token | undefined {
  if (token === undefined || typeof token === "string" || typeof token === "function") return token as Token;
  throw misuse("want the token to be a string or a function", typeof token);
}

/** The oldest platforms of the client cannot read text from bytes. */
function checkMultiplex(multiplex: unknown = true): boolean {
  if (typeof multiplex !== "boolean") throw misuse("want multiplex to be true or false", multiplex);
  return multiplex && typeof TextDecoder === "function" && typeof TextEncoder === "function";
}

function checkBackoff(options: ClientOptions): Backoff {
  const { minRetryDelay = DEFAULT_BACKOFF.minRetryDelay, backoffFactor = DEFAULT_BACKOFF.backoffFactor } = options;
  const { maxRetryDelay = Math.max(minRetryDelay, DEFAULT_BACKOFF.maxRetryDelay) } = options;
  checkNumber("minRetryDelay", minRetryDelay, 1, LONGEST_TIMER_MS);
  checkNumber("backoffFactor", backoffFactor, 1, 1000);
  checkNumber("maxRetryDelay", maxRetryDelay, minRetryDelay, LONGEST_TIMER_MS);
  return { minRetryDelay, backoffFactor, maxRetryDelay };
}

function checkNumber(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw misuse(`want ${name} to be a number from ${least} to ${most}`, value);
}

function checkWebSocket(Class: WebSocketClass | undefined): WebSocketClass {
  if (typeof Class === "function") return Class;
  const hint = "this platform has none of its own; install ws and pass { WebSocket: ws }";
  throw misuse("want a WebSocket class", Class === undefined ? `none: ${hint}` : Class);
}

/** `crypto.randomUUID` is missing where pages are not secure, as on a local network without TLS. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function misuse(rule: string, got: unknown): TypeError {
  return new TypeError(`Cannot create a Client: ${rule}, got ${String(got)}`);
}
