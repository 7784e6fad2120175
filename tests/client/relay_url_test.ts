import { assertEquals, assertThrows } from "@std/assert";
import { relayUrl, socketUrl } from "../../src/client/relay_url.ts";

const BASES: Record<string, string> = {
  "myrelay.somedomain.com": "wss://myrelay.somedomain.com",
  "myrelay.somedomain.com:8080": "wss://myrelay.somedomain.com:8080",
  "myrelay.somedomain.com/": "wss://myrelay.somedomain.com",
  "myrelay.somedomain.com/base/path/": "wss://myrelay.somedomain.com/base/path",
  "http://relay": "ws://relay",
  "https://relay": "wss://relay",
  "ws://relay": "ws://relay",
  "wss://relay": "wss://relay",
  "WSS://Relay/Base": "wss://relay/Base",
  "https://relay:443/": "wss://relay",
  "http://relay:80": "ws://relay",
  "ws://relay:443": "ws://relay:443",
  "https://relay/t/secret/": "wss://relay/t/secret",
  "https://relay/base/?version=1#top": "wss://relay/base?version=1",
  "localhost": "ws://localhost",
  "localhost:8080": "ws://localhost:8080",
  "relay.localhost:8080": "ws://relay.localhost:8080",
  "127.0.0.1:8080/base": "ws://127.0.0.1:8080/base",
  "127.1.2.3": "ws://127.1.2.3",
  "[::1]:8080": "ws://[::1]:8080",
  "[2001:db8::1]": "wss://[2001:db8::1]",
  "192.168.1.5:8080": "wss://192.168.1.5:8080",
  "notlocalhost": "wss://notlocalhost",
  "127.0.0.1.evil.example": "wss://127.0.0.1.evil.example",
  "wss://localhost:8080": "wss://localhost:8080",
  "bücher.example": "wss://xn--bcher-kva.example",
};

const REFUSED = ["ftp://relay", "file:///relay", "https://", "/relay", "//relay/base", "a b", "relay:notaport", "?"];

Deno.test("relay url: every way to write one", () => {
  for (const [input, base] of Object.entries(BASES)) assertEquals(relayUrl(input), base, input);
});

Deno.test("relay url: what is none is refused with the value", () => {
  for (const input of REFUSED) assertThrows(() => relayUrl(input), TypeError, `got ${JSON.stringify(input)}`);
});

Deno.test("relay url: paths go below the base, and the token into the query", () => {
  assertEquals(socketUrl("wss://relay", "/introduction/a", undefined), "wss://relay/introduction/a");
  assertEquals(socketUrl("wss://relay/base", "/introduction/a", ""), "wss://relay/base/introduction/a");
  assertEquals(socketUrl("wss://relay?v=1", "/introduction/a", "x&y"), "wss://relay/introduction/a?v=1&token=x%26y");
});

Deno.test("relay url: an encoded id is not touched", () => {
  const path = `/introduction/${encodeURIComponent("a/b?c#d%2e é🐟 ..'!")}`;
  assertEquals(socketUrl("wss://relay/base", path, undefined), `wss://relay/base${path}`);
});
