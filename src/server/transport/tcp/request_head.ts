/**
 * Reads the head of an HTTP/1.1 request (RFC 9112), strictly: what is ambiguous is refused, not guessed.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";
import { LIMITS } from "../../core/limits.ts";
import type { RequestHead } from "../../core/request_head.ts";

/** Why bytes are no request that this relay answers. The message is one sentence for whoever sent it. */
export class BadRequest extends Error {
  constructor(rule: string, readonly status: 400 | 405 | 431 | 505 = 400) {
    super(`Cannot read the request: want ${rule}.`);
  }
}

const LINE_END = Buffer.from("\r\n");
const END = Buffer.from("\r\n\r\n");
const [CARRIAGE_RETURN, LINE_FEED] = LINE_END;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/**
 * A name, and a value without control characters and without spaces before it (RFC 9110, 5.5). What may follow those
 * spaces is no space, so that a line takes no more time than its length.
 */
// deno-lint-ignore no-control-regex -- these are what no value may contain
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0-\x20\x7f][^\0-\x08\x0a-\x1f\x7f]*)?$/;
/** The parser of URLs would leave some of them out. */
const NO_TARGET = /[\0-\x20\x7f]/;
const ASCII = /^[\0-\x7f]*$/;
/** An absolute URL without a user. */
const ABSOLUTE = /^https?:\/\/[^/?#\\@]+([/?#]|$)/i;

/** Without the empty lines that some clients send before a request (RFC 9112, 2.2). */
export function withoutEmptyLines(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  let at = 0;
  while (bytes[at] === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) at += LINE_END.length;
  return bytes.subarray(at);
}

/** Where the head ends in what has come, with its empty line; undefined while it has not. `from`: where to look. */
export function findEnd(bytes: Buffer, from: number): number | undefined {
  const at = bytes.indexOf(END, Math.max(0, from - END.length + 1));
  return at < 0 ? undefined : at + END.length;
}

/** Whether no request begins like this, whatever follows: TLS, or lines that end as no line does. `from`: as above. */
export function isHopeless(bytes: Buffer, from: number): boolean {
  if (bytes.length > 0 && bytes[0] !== CARRIAGE_RETURN && !TOKEN.test(String.fromCharCode(bytes[0]))) return true;
  for (let at = bytes.indexOf(LINE_FEED, from); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
    if (bytes[at - 1] !== CARRIAGE_RETURN) return true;
  }
  return false;
}

/** Reads a head with its empty line. Throws a {@link BadRequest}. */
export function readRequest(bytes: Buffer, scheme: "http" | "https"): RequestHead {
  const [requestLine, ...lines] = bytes.toString("latin1", 0, bytes.length - END.length).split("\r\n");
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
  return { method, url, headers: { get: (name) => headers.get(name) ?? null } };
}

/** By name, in lower case. What is repeated is a list (RFC 9110, 5.3). */
function readHeaders(lines: readonly string[]): Map<string, string> {
  if (lines.length > LIMITS.headers) throw new BadRequest(`at most ${LIMITS.headers} headers`, 431);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ""] = HEADER.exec(line) ?? [];
    if (name === undefined) throw new BadRequest("lines of a name, a colon and a value");
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value.trimEnd() : `${before}, ${value.trimEnd()}`);
  }
  return headers;
}

/**
 * Whoever cannot tell where a body ends must not guess where the next request begins, or the first frame: so what asks
 * for a socket has none.
 */
function checkBody(headers: ReadonlyMap<string, string>): void {
  if (headers.has("transfer-encoding")) throw new BadRequest("no transfer-encoding");
  const length = headers.get("content-length") ?? "";
  if (!/^\d*$/.test(length)) throw new BadRequest("one content-length");
  if (Number(length) > 0 && headers.has("upgrade")) throw new BadRequest("an upgrade without a body");
}

function hostOf(headers: ReadonlyMap<string, string>, version: string): string {
  const host = headers.get("host");
  if (host === undefined && version === "HTTP/1.1") throw new BadRequest("a host header");
  if (/[,\s/?#@\\]/.test(host ?? "")) throw new BadRequest("one valid host header");
  return host || "relay";
}

/** The target as it was sent, in UTF-8; the parser of URLs escapes what is not ASCII, and may still find it wrong. */
function urlOf(target: string, host: string, scheme: string): string {
  if (NO_TARGET.test(target)) throw new BadRequest("a path in UTF-8, escaped");
  const text = ASCII.test(target) ? target : utf8Of(target);
  if (text.startsWith("/")) return `${scheme}://${host}${text}`;
  if (ABSOLUTE.test(text)) return text;
  throw new BadRequest("a path, and a valid host header");
}

function utf8Of(target: string): string {
  const bytes = Buffer.from(target, "latin1");
  if (!isUtf8(bytes)) throw new BadRequest("a path in UTF-8, escaped");
  return bytes.toString();
}
