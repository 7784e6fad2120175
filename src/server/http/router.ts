/**
 * A request becomes a route with decoded ids, or a refusal.
 *
 * @module
 */

import { idProblem, PROTOCOL_PARAMETER, SOCKET_PATHS } from "../../protocol.ts";
import type { RequestHead } from "../core/request_head.ts";
import { Refusal } from "../core/refusal.ts";

/** A peer's control connection. */
export interface IntroductionRoute {
  readonly kind: "introduction";
  readonly localId: string;
  readonly documentId?: undefined;
  /** The highest protocol that the client speaks, if it names one. */
  readonly protocol?: number;
  /** The token of the path prefix `/t/<token>`, which is all that a released client can set. */
  readonly token: string | undefined;
}

/** One side of a conversation. */
export interface ConnectionRoute {
  readonly kind: "connection";
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
  readonly token: string | undefined;
}

/** A route that ends in a socket. */
export type SocketRoute = IntroductionRoute | ConnectionRoute;

/** A route that ends in a page. */
export interface PageRoute {
  readonly kind: "page" | "health" | "ready" | "metrics";
}

/** A route that ends in a file. */
export interface AssetRoute {
  readonly kind: "asset";
  readonly path: string;
}

/** Routes a request by its path. */
export class Router {
  readonly #pages = new Map<string, PageRoute | AssetRoute>([
    ["/", { kind: "page" }],
    ["/healthz", { kind: "health" }],
    ["/readyz", { kind: "ready" }],
    ["/metrics", { kind: "metrics" }],
  ]);
  readonly #introduction = socketPatterns(SOCKET_PATHS.introduction);
  readonly #connection = socketPatterns(SOCKET_PATHS.connection);

  /** @param assetPaths The paths that end in files. */
  constructor(assetPaths: Iterable<string> = []) {
    for (const path of assetPaths) this.#pages.set(path, { kind: "asset", path });
  }

  route(request: RequestHead): SocketRoute | PageRoute | AssetRoute | Refusal {
    const url = URL.parse(request.url);
    if (url === null) return new Refusal("bad request", "Cannot read the request: want a valid host header.");
    const page = this.#pages.get(url.pathname);
    if (page !== undefined) return isReading(request) ? page : methodRefusal(request);
    try {
      return this.#routeSocket(url) ?? noSuchPage(url.pathname);
    } catch (error) {
      if (error instanceof BadSegment) return new Refusal("bad id", error.message);
      throw error;
    }
  }

  #routeSocket({ href, searchParams }: URL): SocketRoute | Refusal | undefined {
    const introduction = match(this.#introduction, href);
    if (introduction !== undefined) {
      return {
        kind: "introduction",
        localId: decodeId(introduction, "localId"),
        ...readProtocol(searchParams.get(PROTOCOL_PARAMETER)),
        token: decodeToken(introduction),
      };
    }
    const connection = match(this.#connection, href);
    return connection === undefined ? undefined : connectionRoute(connection);
  }
}

/** Refuses another method than GET. */
function methodRefusal(request: RequestHead): Refusal {
  return new Refusal("method", `Cannot ${request.method} this: want GET.`, { allow: "GET, HEAD" });
}

type Groups = Record<string, string | undefined>;

class BadSegment extends Error {}

function socketPatterns(pathname: string): URLPattern[] {
  return [new URLPattern({ pathname }), new URLPattern({ pathname: `/t/:token([^/]*)${pathname}` })];
}

/** The whole URL: the runtime matches that in half the time that a path alone takes. */
function match(patterns: URLPattern[], url: string): Groups | undefined {
  for (const pattern of patterns) {
    const found = pattern.exec(url);
    if (found !== null) return found.pathname.groups;
  }
}

function connectionRoute(groups: Groups): ConnectionRoute | Refusal {
  const localId = decodeId(groups, "localId");
  const remoteId = decodeId(groups, "remoteId");
  if (localId === remoteId) {
    return new Refusal("bad id", `Cannot connect ${quote(localId)} to itself: want two different peer ids.`);
  }
  return {
    kind: "connection",
    localId,
    remoteId,
    documentId: decodeId(groups, "documentId"),
    token: decodeToken(groups),
  };
}

function decodeId(groups: Groups, name: string): string {
  const id = decodeSegment(groups[name] ?? "", name);
  const problem = idProblem(id);
  if (problem !== undefined) throw new BadSegment(`Cannot use ${quote(id)} as ${name}: ${problem}.`);
  return id;
}

/** Ignores what is no protocol. */
function readProtocol(text: string | null): { protocol?: number } {
  return text !== null && /^\d{1,3}$/.test(text) ? { protocol: Number(text) } : {};
}

function decodeToken(groups: Groups): string | undefined {
  return groups.token === undefined ? undefined : decodeSegment(groups.token, "token");
}

function decodeSegment(segment: string, name: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new BadSegment(`Cannot decode ${name}: want valid percent escapes, got ${quote(segment)}.`);
  }
}

/** Long enough to recognize the value, short enough for one sentence. */
function quote(value: string): string {
  const MOST = 40;
  return JSON.stringify(value.length > MOST ? `${value.slice(0, MOST)}…` : value);
}

function isReading({ method }: RequestHead): boolean {
  return method === "GET" || method === "HEAD";
}

/** Refuses an unknown path. */
export function noSuchPage(pathname: string): Refusal {
  return new Refusal("no such page", `Cannot find ${quote(pathname)}: want /introduction/... or /connection/....`);
}
