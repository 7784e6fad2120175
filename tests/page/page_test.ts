/** The page and its assets, from request to response. */

import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/protocol.ts";
import { Server } from "../../src/server/mod.ts";
import { answerAsset, makeAssets } from "../../src/server/page/assets.ts";
import { answerPage, fill, type Status } from "../../src/server/page/page.ts";
import { duration } from "../../src/server/page/scripts/duration.js";
import { VARIANTS } from "../helpers/transports.ts";
import { fetchTrusting } from "../helpers/trust.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = new URL("src/server/page/", ROOT);
const BUNDLE = "src/server/page/client.js";
/** What pages of any origin may load. */
const CLIENT = ["/client.js", "/client_sealed.js"];

const STATUS: Status = {
  status: "running",
  uptime: 93_784,
  connections: 1234,
  streams: 0,
  peers: 567,
  documents: 8,
  seekers: 0,
  pairs: 9,
  bufferedBytes: 0,
  frames: 77,
  needsToken: false,
};

Deno.test("a visitor gets the page, with the numbers in it", async () => {
  const answer = answerPage(ask("/", { accept: "text/html,application/xhtml+xml,*/*;q=0.8" }), STATUS);
  const text = await answer.text();
  assertEquals(answer.headers.get("content-type"), "text/html; charset=utf-8");
  for (const part of ["The relay is", "running</span>", VERSION, "1,234", "567", "1 d 2 h"]) {
    assertStringIncludes(text, part);
  }
  assertEquals(text.match(/\{\w+\}/g), null);
});

Deno.test("who prefers JSON gets the same numbers as JSON", async () => {
  const answer = answerPage(ask("/", { accept: "application/json" }), STATUS);
  assertEquals(await answer.json(), { name: "@localfirst/relay", version: VERSION, ...STATUS });
});

Deno.test("who does not say what they prefer gets the page", () => {
  for (const accept of ["*/*", "image/png", ""]) {
    assertMatch(answerPage(ask("/", { accept }), STATUS).headers.get("content-type")!, /html/);
  }
});

Deno.test("the page may load from its own relay only, and is kept by nobody", () => {
  const { headers } = answerPage(ask("/"), STATUS);
  const policy = headers.get("content-security-policy")!;
  assertMatch(policy, /^default-src 'none';/);
  for (const rule of ["frame-ancestors", "base-uri", "form-action"]) assertStringIncludes(policy, `${rule} 'none'`);
  assertEquals(/unsafe|\*|https?:|wss?:|data:/.test(policy), false, policy);
  assertEquals(headers.get("cache-control"), "no-store");
  assertEquals(headers.get("vary"), "accept");
  assertEquals(headers.get("x-content-type-options"), "nosniff");
});

Deno.test("the page has no inline script or style, and names no other host", async () => {
  for (const name of ["index.html", "page.css", "page.js", "favicon.svg"]) {
    const text = await Deno.readTextFile(new URL(name, PAGE));
    assertEquals(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/.test(text), false, name);
    const hosts = [...text.matchAll(/(?:https?:)?\/\/([\w.-]+)/g)].map(([, host]) => host);
    assertEquals(hosts.filter((host) => !["this-relay", "www.w3.org"].includes(host)), [], name);
  }
});

Deno.test("what is filled in is escaped, and braces around anything else stay", () => {
  const values = { version: `<b>"5" & '6'</b>`, peers: 1234 };
  const escaped = "&lt;b&gt;&quot;5&quot; &amp; &#39;6&#39;&lt;/b&gt;";
  assertEquals(
    fill("{version} {peers} {other} { Client } {toString}", values),
    `${escaped} 1,234 {other} { Client } {toString}`,
  );
});

Deno.test("a duration shows its two largest units", () => {
  const cases: [number, string][] = [[0, "0 s"], [59.9, "59 s"], [60, "1 min 0 s"], [3725, "1 h 2 min"], [
    93_784,
    "1 d 2 h",
  ]];
  for (const [seconds, text] of cases) assertEquals(duration(seconds), text);
});

Deno.test("an asset comes with a strong tag and its type", async () => {
  const types = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
  for (const [path, asset] of makeAssets()) {
    const answer = answerAsset(ask(path), asset);
    assertEquals([answer.status, await answer.text()], [200, await Deno.readTextFile(new URL(`.${path}`, PAGE))]);
    assertEquals(answer.headers.get("content-type"), types[path.split(".").at(-1) as keyof typeof types]);
    assertMatch(answer.headers.get("etag")!, /^"[\w-]{43}"$/);
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff");
  }
});

Deno.test("who has an asset is told so, in every way of asking", () => {
  const asset = makeAssets().get("/client.js")!;
  for (const tag of [asset.etag, `"old", ${asset.etag}`, `W/${asset.etag}`, "*"]) {
    const answer = answerAsset(ask("/client.js", { "if-none-match": tag }), asset);
    assertEquals([answer.status, answer.body, answer.headers.get("etag")], [304, null, asset.etag], tag);
    assertNotEquals(answer.headers.get("cache-control"), null);
  }
  assertEquals(answerAsset(ask("/client.js", { "if-none-match": '"old"' }), asset).status, 200);
});

Deno.test("who takes gzip gets it, under a tag of its own", async () => {
  const asset = makeAssets().get("/client.js")!;
  for (const accepted of ["gzip", "gzip, deflate, br, zstd", "br;q=1, gzip;q=0.8, *;q=0.1"]) {
    const answer = answerAsset(ask("/client.js", { "accept-encoding": accepted }), asset);
    assertEquals([answer.status, answer.headers.get("content-encoding")], [200, "gzip"], accepted);
    assertEquals(answer.headers.get("vary"), "accept-encoding");
    const tag = answer.headers.get("etag")!;
    const text = await new Response(answer.body!.pipeThrough(new DecompressionStream("gzip"))).text();
    assertEquals([text, tag === asset.etag], [asset.body, false]);
    const again = answerAsset(ask("/client.js", { "accept-encoding": accepted, "if-none-match": tag }), asset);
    assertEquals([again.status, again.headers.get("etag")], [304, tag]);
  }
  for (const refused of ["identity", "br", "gzip;q=0", ""]) {
    const answer = answerAsset(ask("/client.js", { "accept-encoding": refused }), asset);
    assertEquals([answer.headers.get("content-encoding"), await answer.text()], [null, asset.body], refused);
  }
});

Deno.test("two relays tag alike, and different assets differently", () => {
  const [first, second] = [makeAssets(), makeAssets()].map((assets) => [...assets.values()].map(({ etag }) => etag));
  assertEquals(first, second);
  assertEquals(new Set(first).size, first.length);
});

Deno.test("pages of any origin may import the client, which others may cache; the rest is asked for again", () => {
  for (const [path, { headers }] of makeAssets()) {
    const isPublic = CLIENT.includes(path);
    assertEquals(headers["access-control-allow-origin"], isPublic ? "*" : undefined);
    assertMatch(headers["cache-control"], isPublic ? /public, max-age=\d+/ : /^no-cache$/);
  }
});

Deno.test("everything that the page and its scripts name is an asset", async () => {
  const assets = makeAssets();
  const html = await Deno.readTextFile(new URL("index.html", PAGE));
  const named = [...html.matchAll(/(?:href|src)="(\/[\w/.]+)"/g)].map(([, path]) => path);
  for (const [path, { body }] of assets) {
    const imports = CLIENT.includes(path)
      ? body.matchAll(/\bimport\("([^"]+)"\)/g)
      : body.matchAll(/^import .* from "([^"]+)"/gm);
    named.push(...[...imports].map(([, specifier]) => new URL(specifier, `http://relay${path}`).pathname));
  }
  assertEquals(named.filter((path) => !assets.has(path) && path !== "/healthz"), []);
  assertEquals([...assets.keys()].filter((path) => !named.includes(path)), []);
});

for (const { name, config, isTls } of VARIANTS) {
  Deno.test(`over ${name}: an asset, its head, its tag, and a method that is refused`, async () => {
    const server = await new Server({ port: 0, host: "127.0.0.1", ...config }).listen();
    const fetchIt = async (path: string, init: RequestInit = {}) => {
      // What is compressed on its way has another tag, and no length.
      const headers = { "accept-encoding": "identity", ...init.headers };
      const answer = await fetchTrusting(`http${isTls ? "s" : ""}://127.0.0.1:${server.port}${path}`, {
        ...init,
        headers,
      });
      return { answer, text: await answer.text() };
    };
    try {
      const { answer, text } = await fetchIt("/client.js");
      const etag = answer.headers.get("etag")!;
      assertEquals([answer.status, answer.headers.get("access-control-allow-origin")], [200, "*"]);
      assertEquals(text, await Deno.readTextFile(new URL(BUNDLE, ROOT)));

      const head = await fetchIt("/client.js", { method: "HEAD" });
      assertEquals([head.answer.status, head.text, head.answer.headers.get("etag")], [200, "", etag]);
      assertEquals(head.answer.headers.get("content-length"), String(new TextEncoder().encode(text).byteLength));

      const again = await fetchIt("/client.js", { headers: { "if-none-match": etag } });
      assertEquals([again.answer.status, again.text, again.answer.headers.get("etag")], [304, "", etag]);

      assertEquals((await fetchIt("/page.css", { method: "POST" })).answer.status, 405);
      assertEquals((await fetchIt("/scripts/nope.js")).answer.status, 404);
      const page = await fetchIt("/", { method: "HEAD", headers: { accept: "text/html" } });
      assertEquals([page.answer.status, page.text], [200, ""]);
    } finally {
      await server.close();
    }
  });
}

function ask(path: string, headers: Record<string, string> = {}): Request {
  return new Request(`http://relay${path}`, { headers });
}
