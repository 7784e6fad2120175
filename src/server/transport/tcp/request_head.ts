/**
 * Reads the head of an HTTP/1.1 request (RFC 9112), strictly: what is ambiguous is refused, not guessed.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";
import { LIMITS } from "../../core/limits.ts";

/** Why bytes are no request that this relay answers. The message is one sentence for whoever sent it. */
export class BadRequest extends Error {
  constructor(rule: string, readonly status: 400 | 405 | 431 | 505 = 400) {
    super(`Cannot read the request: want ${rule}.`);
  }
}

type Header = [name: string, value: string];

const LINE_END = Buffer.from("\r\n");
const END = Buffer.from("\r\n\r\n");
const [CARRIAGE_RETURN, LINE_FEED] = LINE_END;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// deno-lint-ignore no-control-regex -- these are what no value may contain (RFC 9110, 5.5)
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;
/** The parser of URLs would leave some of them out. */
const NO_TARGET = /[\0-\x20\x7f]/;

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
export function readRequest(bytes: Buffer, scheme: "http" | "https"): Request {
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
  return toRequest(url, method, version === "HTTP/1.1" ? headers : headers.filter(([name]) => name !== "upgrade"));
}

/** No `Headers`: the runtime takes half a second to copy a thousand of them. */
function readHeaders(lines: readonly string[]): Header[] {
  if (lines.length > LIMITS.headers) throw new BadRequest(`at most ${LIMITS.headers} headers`, 431);
  return lines.map((line) => {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1)];
    if (!TOKEN.test(name) || CONTROL.test(value)) throw new BadRequest("lines of a name, a colon and a value");
    return [name.toLowerCase(), value];
  });
}

/**
 * Whoever cannot tell where a body ends must not guess where the next request begins, or the first frame: so what asks
 * for a socket has none.
 */
function checkBody(headers: readonly Header[]): void {
  if (valuesOf(headers, "transfer-encoding").length > 0) throw new BadRequest("no transfer-encoding");
  const lengths = valuesOf(headers, "content-length");
  if (lengths.length > 1 || !/^\d*$/.test(lengths[0] ?? "")) throw new BadRequest("one content-length");
  if (Number(lengths[0] ?? 0) > 0 && valuesOf(headers, "upgrade").length > 0) {
    throw new BadRequest("an upgrade without a body");
  }
}

function hostOf(headers: readonly Header[], version: string): string {
  const hosts = valuesOf(headers, "host");
  if (hosts.length === 0 && version === "HTTP/1.1") throw new BadRequest("a host header");
  if (hosts.length > 1 || /[,\s/?#@\\]/.test(hosts[0] ?? "")) throw new BadRequest("one valid host header");
  return hosts[0] || "relay";
}

/** The target as it was sent, in UTF-8; the parser of URLs escapes what is not ASCII. */
function urlOf(target: string, host: string, scheme: string): string {
  const bytes = Buffer.from(target, "latin1");
  if (NO_TARGET.test(target) || !isUtf8(bytes)) throw new BadRequest("a path in UTF-8, escaped");
  const isAbsolute = /^https?:\/\/[^/?#\\]/i.test(target);
  const url = isAbsolute || target.startsWith("/")
    ? URL.parse(isAbsolute ? bytes.toString() : `${scheme}://${host}${bytes}`)
    : null;
  if (url === null || url.username !== "" || url.password !== "") {
    throw new BadRequest("a path, and a valid host header");
  }
  return url.href;
}

/** The runtime makes no request of some methods, and writes others in capitals. */
function toRequest(url: string, method: string, headers: Header[]): Request {
  if (/^(CONNECT|TRACE|TRACK)$/i.test(method)) throw new BadRequest("GET", 405);
  const request = new Request(url, { method, headers });
  if (request.method !== method) throw new BadRequest("GET", 405);
  return request;
}

function valuesOf(headers: readonly Header[], wanted: string): string[] {
  return headers.filter(([name]) => name === wanted).map(([, value]) => value.replace(/^[ \t]+/, "").trimEnd());
}
