/**
 * Requests that no browser sends, byte for byte, on every variant. `tcp` reads them itself; `deno` leaves that to the
 * runtime, which takes some of them otherwise: then the row says what it makes of them.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Server } from "../../src/server/mod.ts";
import { FakeClock } from "../helpers/fakes.ts";
import { within } from "../helpers/process.ts";
import { handshake, RawConnection, type Target } from "../helpers/raw.ts";
import { TCP_VARIANTS, type Variant, VARIANTS } from "../helpers/transports.ts";

/** A request, and the status of its answer. */
interface Row {
  readonly what: string;
  readonly bytes: string;
  readonly status: number;
  /** Where the runtime decides otherwise, and none for one that it answers in another protocol. */
  readonly deno?: number | "no HTTP/1";
}

/** A request for a small page, with more headers. */
function page(headers = "", target = "/healthz"): string {
  return `GET ${target} HTTP/1.1\r\nhost: relay\r\n${headers}\r\n`;
}

const PAGE = page();
const UPGRADE = handshake("/introduction/peer");
/** Requests are what a proxy may hide in a body. */
const HIDDEN = page("", "/hidden");

const ROWS: readonly Row[] = [
  { what: "a plain request", bytes: PAGE, status: 200 },
  { what: "HEAD", bytes: PAGE.replace("GET", "HEAD"), status: 200 },
  { what: "120 headers", bytes: page(numbered(120)), status: 200 },
  { what: "as many headers as are allowed", bytes: page(numbered(LIMITS.headers - 1)), status: 200, deno: 400 },
  { what: "one header too many", bytes: page(numbered(LIMITS.headers)), status: 431, deno: 400 },
  { what: "2,000 short headers", bytes: page(numbered(2_000)), status: 431, deno: 400 },
  { what: "a head as long as is allowed", bytes: padded(LIMITS.headBytes), status: 200 },
  { what: "a head one byte too long", bytes: padded(LIMITS.headBytes + 1), status: 431, deno: 200 },
  { what: "a path that is too long", bytes: page("", `/${"y".repeat(LIMITS.headBytes)}`), status: 431, deno: 404 },

  { what: "the absolute form", bytes: page("", "http://other/healthz"), status: 200 },
  { what: "the absolute form without a host", bytes: page("", "http:///healthz"), status: 400, deno: 404 },
  { what: "the absolute form of another scheme", bytes: page("", "ftp://relay/healthz"), status: 400, deno: 200 },
  { what: "the absolute form with a user", bytes: page("", "http://u:p@relay/healthz"), status: 400, deno: 200 },
  { what: "the absolute form with an @ in its path", bytes: page("", "http://other/@healthz"), status: 404 },
  { what: "the form of a tunnel", bytes: page("", "relay:443"), status: 400 },
  { what: "the form of OPTIONS", bytes: page("", "*").replace("GET", "OPTIONS"), status: 400, deno: 404 },
  { what: "a path with raw UTF-8", bytes: latin1(handshake("/introduction/ä🐟")), status: 101 },
  { what: "a path with bytes that are not UTF-8", bytes: handshake("/introduction/\xff"), status: 400 },
  { what: "a path with a tab, which parsers of URLs leave out", bytes: page("", "/heal\tthz"), status: 400 },
  { what: "a path with a zero", bytes: page("", "/heal\0thz"), status: 400 },
  { what: "a path that begins with a backslash", bytes: page("", "\\healthz"), status: 400 },

  { what: "no host", bytes: "GET /healthz HTTP/1.1\r\n\r\n", status: 400, deno: 200 },
  { what: "an empty host", bytes: PAGE.replace(" relay", ""), status: 200 },
  { what: "two hosts", bytes: page("host: other\r\n"), status: 400 },
  { what: "one host twice", bytes: page("host: relay\r\n"), status: 400 },
  { what: "a host with a space", bytes: PAGE.replace("relay", "re lay"), status: 400 },
  { what: "a host with a path", bytes: PAGE.replace("relay", "relay/x"), status: 400, deno: 404 },
  { what: "a host with an impossible port", bytes: PAGE.replace("relay", "relay:99999"), status: 400 },

  { what: "HTTP/1.0", bytes: "GET /healthz HTTP/1.0\r\n\r\n", status: 200 },
  { what: "an upgrade in HTTP/1.0", bytes: UPGRADE.replace("1.1", "1.0"), status: 426, deno: 101 },
  { what: "HTTP/0.9", bytes: "GET /healthz\r\n\r\n", status: 400 },
  { what: "HTTP/1.2", bytes: PAGE.replace("1.1", "1.2"), status: 505, deno: 400 },
  { what: "HTTP/2.0 as text", bytes: PAGE.replace("1.1", "2.0"), status: 505, deno: 400 },
  { what: "http in small letters", bytes: PAGE.replace("HTTP", "http"), status: 400 },
  { what: "the preface of HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505, deno: "no HTTP/1" },
  { what: "a PROXY line", bytes: `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${PAGE}`, status: 400 },
  { what: "the hello of TLS", bytes: `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"\0".repeat(512)}`, status: 400 },

  { what: "POST", bytes: PAGE.replace("GET", "POST"), status: 405 },
  { what: "get in small letters", bytes: PAGE.replace("GET", "get"), status: 405 },
  { what: "CONNECT", bytes: "CONNECT relay:443 HTTP/1.1\r\nhost: relay:443\r\n\r\n", status: 400, deno: 405 },
  { what: "TRACE", bytes: PAGE.replace("GET", "TRACE"), status: 405 },

  { what: "an upgrade that the second of two headers asks for", bytes: inTwoHeaders(UPGRADE), status: 101 },
  { what: "a header with spaces and tabs around its value", bytes: UPGRADE.replace(": 13", ":\t 13 \t"), status: 101 },
  { what: "a folded header", bytes: page("x: a\r\n b\r\n"), status: 400 },
  { what: "a space before the colon", bytes: page("x : a\r\n"), status: 400 },
  { what: "a header without a colon", bytes: page("x\r\n"), status: 400 },
  { what: "a header with a zero", bytes: page("x: a\0b\r\n"), status: 400 },
  { what: "a header of spaces up to a zero", bytes: page(`x:${" ".repeat(12_000)}\0\r\n`), status: 400 },
  { what: "a header of nothing but spaces", bytes: page(`x:${" ".repeat(12_000)}\r\n`), status: 200 },
  { what: "a header with a carriage return", bytes: page("x: a\rb\r\n"), status: 400 },
  { what: "two spaces in the request line", bytes: PAGE.replace(" ", "  "), status: 400 },
  { what: "a tab in the request line", bytes: PAGE.replace(" ", "\t"), status: 400 },
  { what: "lines that end with LF alone", bytes: PAGE.replaceAll("\r\n", "\n"), status: 400, deno: 200 },
  { what: "one line that ends with LF alone", bytes: page("x: a\ny: b\r\n"), status: 400, deno: 200 },
  { what: "empty lines before the request", bytes: `\r\n\r\n${PAGE}`, status: 200 },

  { what: "a body of a known length", bytes: `${page("content-length: 5\r\n")}hello`, status: 200 },
  { what: "a body of no length", bytes: page("content-length: -1\r\n"), status: 400 },
  { what: "a body of a signed length", bytes: page("content-length: +0\r\n"), status: 400 },
  { what: "two lengths", bytes: page("content-length: 0\r\ncontent-length: 5\r\n"), status: 400 },
  { what: "chunks", bytes: `${page("transfer-encoding: chunked\r\n")}0\r\n\r\n`, status: 400, deno: 200 },
  { what: "chunks and a length", bytes: page("transfer-encoding: chunked\r\ncontent-length: 5\r\n"), status: 400 },
  { what: "an unknown encoding", bytes: page("transfer-encoding: xchunked\r\n"), status: 400 },
  { what: "an upgrade with a body", bytes: `${withLength(HIDDEN.length)}${HIDDEN}`, status: 400 },
  { what: "an upgrade with chunks", bytes: `${chunkedUpgrade()}0\r\n\r\n`, status: 400 },
];

for (const variant of VARIANTS) {
  Deno.test(`${variant.name}: what is no plain request is refused or understood, and nothing is guessed`, async (t) => {
    await using relay = await Relay.start(variant);
    for (const { what, bytes, status, deno = status } of ROWS) {
      const wanted = variant.transport === "deno" ? deno : status;
      await t.step(`${what}: ${wanted}`, async () => {
        assertEquals(await relay.ask(bytes), wanted);
        assertEquals(await relay.ask(PAGE), 200, "the next one is served");
      });
    }
  });

  Deno.test(`${variant.name}: a client that has asked and ends its side gets its answer`, async () => {
    await using relay = await Relay.start(variant);
    using raw = await RawConnection.open(relay.target);
    await raw.write(page("", "/client.js"));
    await raw.connection.closeWrite();
    const head = await raw.readHead();
    assertMatch(head, /^HTTP\/1.1 200 /);
    const body = await raw.readBody(head);
    assertEquals(
      body.length > 0 && body.length === Number(/content-length: (\d+)/.exec(head)?.[1] ?? body.length),
      true,
    );
  });
}

for (const variant of TCP_VARIANTS) {
  Deno.test(`${variant.name}: of requests in a row the first is answered, and no other`, async () => {
    await using relay = await Relay.start(variant);
    using raw = await RawConnection.open(relay.target);
    await raw.write(PAGE.repeat(3));
    const answers = await within(everything(raw), "the relay to hang up");
    assertEquals(answers.match(/HTTP\/1.1 200 /g)?.length, 1);
  });

  Deno.test(`${variant.name}: a request hidden in the body of another is not answered`, async () => {
    await using relay = await Relay.start(variant);
    using raw = await RawConnection.open(relay.target);
    await raw.write(`${page(`content-length: ${HIDDEN.length}\r\n`)}${HIDDEN}`);
    assertEquals((await within(everything(raw), "the relay to hang up")).match(/HTTP\/1.1 \d+/g), ["HTTP/1.1 200"]);
  });

  Deno.test(`${variant.name}: a head that ends nowhere is dropped in time, wherever it stops`, async () => {
    const clock = new FakeClock();
    await using relay = await Relay.start(variant, clock);
    const halves = ["", "G", "GET / HTTP/1.1\r", PAGE.slice(0, -2), PAGE.slice(0, -1), "\r\n\r", UPGRADE.slice(0, -3)];
    const raws = await Promise.all(halves.map((half) => relay.send(half)));
    assertEquals(await relay.ask(PAGE), 200);
    clock.pass(LIMITS.requestMs);
    for (const [at, raw] of raws.entries()) {
      await within(raw.hungUp(), `${JSON.stringify(halves[at])} to be dropped`);
      raw[Symbol.dispose]();
    }
  });
}

/** A relay in this process. */
class Relay implements AsyncDisposable {
  private constructor(readonly server: Server, readonly target: Target) {}

  static async start({ config, isTls }: Variant, clock?: FakeClock): Promise<Relay> {
    const server = await new Server({ port: 0, host: "127.0.0.1", ...config }, { clock }).listen();
    return new Relay(server, { port: server.port, isTls });
  }

  async send(bytes: string): Promise<RawConnection> {
    const raw = await RawConnection.open(this.target);
    await raw.write(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)));
    return raw;
  }

  /** The status of the answer. */
  async ask(bytes: string): Promise<number | "no HTTP/1"> {
    using raw = await this.send(bytes);
    return await raw.readStatus() ?? "no HTTP/1";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

async function everything({ connection }: RawConnection): Promise<string> {
  const chunks = await Array.fromAsync(connection.readable.pipeThrough(new TextDecoderStream()));
  return chunks.join("");
}

function numbered(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i}:\r\n`).join("");
}

/** A request whose head has so many bytes. */
function padded(length: number): string {
  const bare = page("x: \r\n");
  return page(`x: ${"y".repeat(length - bare.length)}\r\n`);
}

function withLength(length: number): string {
  return handshake("/introduction/peer", { "content-length": String(length) });
}

function chunkedUpgrade(): string {
  return handshake("/introduction/peer", { "transfer-encoding": "chunked" });
}

/** What a list in one header says may be said in several (RFC 9110, 5.3). */
function inTwoHeaders(upgrade: string): string {
  return upgrade.replace("connection: Upgrade", "connection: keep-alive\r\nConnection: Upgrade");
}

/** UTF-8, a letter for each byte. */
function latin1(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
