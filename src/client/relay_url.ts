/**
 * The addresses of a relay, from whatever an application calls it.
 *
 * @module
 */

const SCHEMES: Record<string, string> = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" };
const WANT = 'want a url like "myrelay.somedomain.com" or "wss://myrelay.somedomain.com/path"';

/**
 * The base URL of a relay: with a `ws` or `wss` scheme, without a trailing slash.
 *
 * Takes `host`, `host:port`, and `http(s)` and `ws(s)` URLs, with or without a path. Without a scheme it is `wss://`, or
 * `ws://` for localhost and loopback addresses. Throws a `TypeError` for anything else.
 */
export function relayUrl(input: string): string {
  const url = parse(/^[a-z][a-z\d+.-]*:\/\//i.test(input) ? input : withScheme(input));
  const scheme = SCHEMES[url?.protocol ?? ""];
  if (url === undefined || scheme === undefined) {
    throw new TypeError(`Cannot create a Client: ${WANT}, got ${JSON.stringify(input)}`);
  }
  url.protocol = scheme;
  url.hash = ""; // WebSocket refuses fragments
  return url.href.replace(/\/+(?=$|\?)/, "");
}

/** The address of a socket: a path below the base, which may have a query, with a token if there is one. */
export function socketUrl(base: string, path: string, token: string | undefined): string {
  const url = new URL(base);
  const [pathname, query] = path.split("?");
  url.pathname = url.pathname.replace(/\/$/, "") + pathname;
  for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value);
  if (token) url.searchParams.set("token", token);
  return url.href;
}

function withScheme(host: string): string {
  const url = parse(`wss://${host}`);
  // A path alone would lose its first segment to the host.
  if (url === undefined || host.startsWith("/")) return "";
  return `${isLoopback(url.hostname) ? "ws" : "wss"}://${host}`;
}

function isLoopback(hostname: string): boolean {
  return /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname);
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}
