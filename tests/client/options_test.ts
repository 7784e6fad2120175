import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Client, type ClientOptions } from "../../src/client/mod.ts";
import { settle } from "../../src/client/options.ts";
import { FakeRelay } from "./fake_relay.ts";

const URL_ONLY = { url: "relay.example" };

const MISUSES: [options: unknown, message: string][] = [
  [undefined, "Cannot create a Client: want a url, got undefined"],
  [{}, "Cannot create a Client: want a url, got undefined"],
  [{ url: "" }, 'Cannot create a Client: want a url, got ""'],
  [{ url: 8080 }, "Cannot create a Client: want a url, got 8080"],
  [{ url: "ftp://relay" }, 'got "ftp://relay"'],
  [{ ...URL_ONLY, userName: "" }, 'Cannot use "" as an id: want at least 1 byte, got none'],
  [{ ...URL_ONLY, userName: null }, "Cannot use null as an id: want a string, got null"],
  [{ ...URL_ONLY, userName: "é".repeat(257) }, "want at most 512 bytes, got 514"],
  [{ ...URL_ONLY, documentIds: "doc" }, "Cannot create a Client: want documentIds to be a list of strings, got doc"],
  [{ ...URL_ONLY, documentIds: [""] }, 'Cannot use "" as an id'],
  [{ ...URL_ONLY, documentIds: [".."] }, "want no dot segment"],
  [
    { ...URL_ONLY, documentIds: Array.from({ length: 10_001 }, (_, i) => `${i}`) },
    "want at most 10000 documents, got 10001",
  ],
  [{ ...URL_ONLY, token: 5 }, "Cannot create a Client: want the token to be a string or a function, got number"],
  [{ ...URL_ONLY, minRetryDelay: 0 }, "want minRetryDelay to be a number from 1 to 2147483647, got 0"],
  [{ ...URL_ONLY, minRetryDelay: "500" }, "want minRetryDelay to be a number"],
  [{ ...URL_ONLY, backoffFactor: 0.5 }, "want backoffFactor to be a number from 1 to 1000, got 0.5"],
  [{ ...URL_ONLY, maxRetryDelay: 10 }, "want maxRetryDelay to be a number from 500 to 2147483647, got 10"],
  [{ ...URL_ONLY, maxRetryDelay: NaN }, "got NaN"],
  [{ ...URL_ONLY, WebSocket: "ws" }, "Cannot create a Client: want a WebSocket class, got ws"],
];

Deno.test("options: misuse is a TypeError at once, and nothing was opened", () => {
  const relay = new FakeRelay();
  for (const [options, message] of MISUSES) {
    assertThrows(() => new Client(options as ClientOptions, relay.environment), TypeError, message);
  }
  assertEquals([relay.sockets.length, relay.clock.pending, relay.network.count], [0, 0, 0]);
});

Deno.test("options: a url is a URL object too, of whatever class a test environment has", () => {
  for (const url of [new URL("https://relay.example/base/"), { href: "https://relay.example/base/" }]) {
    assertEquals(settle({ url }).url, "wss://relay.example/base");
  }
});

Deno.test("options: a platform without WebSocket is told what to do", () => {
  const original = Object.getOwnPropertyDescriptor(globalThis, "WebSocket")!;
  Object.defineProperty(globalThis, "WebSocket", { value: undefined, configurable: true });
  try {
    assertThrows(() => settle(URL_ONLY), TypeError, "got none: this platform has none of its own; install ws");
  } finally {
    Object.defineProperty(globalThis, "WebSocket", original);
  }
});

Deno.test("options: what is left out gets a default", () => {
  const { userName, url, documentIds, backoff } = settle(URL_ONLY);
  assertMatch(userName, /^[0-9a-f]{32}$/);
  assertEquals({ url, documentIds }, { url: "wss://relay.example", documentIds: [] });
  assertEquals(backoff, { minRetryDelay: 500, backoffFactor: 2, maxRetryDelay: 30_000 });
  assertEquals(settle({ ...URL_ONLY, minRetryDelay: 60_000 }).backoff.maxRetryDelay, 60_000);
  assertEquals(settle({ url: new URL("https://relay.example/base/") }).url, "wss://relay.example/base");
});

Deno.test("options: join and on refuse what cannot work", () => {
  const client = new FakeRelay().client({ documentIds: [] });
  assertThrows(() => client.join(""), TypeError, "want at least 1 byte");
  assertThrows(() => client.join(7 as unknown as string), TypeError, "want a string, got number");
  // @ts-expect-error the name of another generation
  assertThrows(() => client.on("peer-connect", () => {}), TypeError, "got peer-connect");
  for (let i = 0; i < 10_000; i++) client.join(`${i}`);
  assertThrows(() => client.join("one more"), TypeError, "want at most 10000");
  client.join("0");
});
