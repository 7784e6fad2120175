/** The client as the relay serves it to pages. */

import { assertEquals, assertMatch } from "@std/assert";
import { startRelay } from "../helpers/process.ts";
import { bundle } from "./bundle.ts";

Deno.test("client.js: it is what the source makes", async () => {
  await using relay = await startRelay();
  const response = await fetch(`${relay.http}/client.js`);
  assertEquals(response.status, 200);
  const served = await response.text();
  const made = await bundle("src/client/mod.ts", "--minify");
  assertEquals(served === made, true, "the committed bundle is old: run `deno task bundle`");
});

Deno.test("client.js: pages from anywhere may load it, and keep it as long as it is the same", async () => {
  await using relay = await startRelay();
  const url = `${relay.http}/client.js`;
  const { headers, body } = await fetch(url);
  await body?.cancel();
  assertMatch(headers.get("content-type")!, /^text\/javascript/);
  assertEquals(headers.get("access-control-allow-origin"), "*");
  assertMatch(headers.get("etag")!, /^"[\w+/=-]+"$/);
  assertMatch(headers.get("cache-control")!, /no-cache|max-age=/);
  const again = await fetch(url, { headers: { "if-none-match": headers.get("etag")! } });
  assertEquals([again.status, await again.text()], [304, ""]);
});
