/**
 * Reads the head of an HTTP/1.1 request (RFC 9112), strictly: what is ambiguous is refused, not guessed.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string;
  /** An absolute URL. */
  readonly url: string;
  readonly headers: Headers;
}

/** Why bytes are no request that this relay answers. The message is one sentence for whoever sent it. */
export class BadRequest extends Error {
  constructor(rule: string, readonly status: 400 | 431 | 505 = 400) {
    super(`Cannot read the request: want ${rule}.`);
  }
}

const END = Buffer.from("\r\n\r\n");
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// deno-lint-ignore no-control-regex -- these are what no value may contain (RFC 9110, 5.5)
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** Where the head ends in what has come, with its empty line; undefined while it has not. `from`: where to look. */
export function findEnd(bytes: Buffer, from: number): number | undefined {
  const at = bytes.indexOf(END, Math.max(0, from - END.length + 1));
  return at < 0 ? undefined : at + END.length;
}

/** Reads a head with its empty line. Throws a {@link BadRequest}. */
export function readHead(bytes: Buffer, scheme: "http" | "https"): RequestHead {
  const [requestLine, ...lines] = bytes.toString("latin1").slice(0, -END.length).split("\r\n");
  const [method, target, version, ...rest] = requestLine.split(" ");
  if (version === undefined || rest.length > 0 || !TOKEN.test(method)) {
    throw new BadRequest("a request line of HTTP/1.1");
  }
  if (!/^HTTP\/1\.[01]$/.test(version)) throw new BadRequest("HTTP/1.1", /^HTTP\/\d/.test(version) ? 505 : 400);
  const headers = readHeaders(lines);
  checkBody(headers);
  const url = urlOf(target, hostOf(headers, version), scheme);
  // An upgrade is a matter of HTTP/1.1 alone.
  if (version === "HTTP/1.0") headers.delete("upgrade");
  return { method, url, headers };
}

function readHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1)];
    if (!TOKEN.test(name) || CONTROL.test(value)) throw new BadRequest("lines of a name, a colon and a value");
    headers.append(name, value);
  }
  return headers;
}

/** A request to a relay has no body; whoever cannot tell where one ends must not guess where the next request begins. */
function checkBody(headers: Headers): void {
  if (headers.has("transfer-encoding")) throw new BadRequest("no transfer-encoding");
  const length = headers.get("content-length");
  if (length !== null && !/^\d+$/.test(length)) throw new BadRequest("one content-length");
}

function hostOf(headers: Headers, version: string): string {
  const host = headers.get("host");
  if (host === null && version === "HTTP/1.1") throw new BadRequest("a host header");
  // Several are joined with a comma, which no host has.
  if (host !== null && /[,\s/?#@\\]/.test(host)) throw new BadRequest("one valid host header");
  return host || "relay";
}

/** The target as it was sent, in UTF-8; the parser of URLs escapes what is not ASCII. */
function urlOf(target: string, host: string, scheme: string): string {
  const text = Buffer.from(target, "latin1").toString();
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : text.startsWith("/") ? `${scheme}://${host}${text}` : "");
  if (url === null || url.username !== "" || url.password !== "") {
    throw new BadRequest("a path, and a valid host header");
  }
  return url.href;
}
