/** The client as the relay serves it to pages. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeScripts } from "../../src/pack/client_bundle.ts";
import { startRelay } from "../helpers/process.ts";
import { readReadme } from "../helpers/readme.ts";

const KIB = 1024;
/** What it had, compressed, before conversations could share a socket, in bytes. */
const WITHOUT_STREAMS = 7_028;

Deno.test("client.js: it and its second module are what the source makes", async () => {
  await using relay = await startRelay();
  for (const [name, made] of Object.entries(await makeScripts())) {
    const response = await fetch(`${relay.http}/${name}`);
    assertEquals(response.status, 200);
    assertEquals(await response.text() === made, true, `the committed ${name} is old: run \`deno task bundle\``);
  }
});

Deno.test("client.js: without a secret nothing of the seal is loaded, with one it comes by the name of its content", async () => {
  const { "client.js": client, "client_sealed.js": sealed } = await makeScripts();
  assertEquals(/Noise_|chacha|poly1305/i.test(client), false);
  assertEquals(/Noise_NNpsk0_25519_ChaChaPoly_SHA256/.test(sealed), true);
  const [, name] = /import\("\.\/(client_sealed\.js\?[0-9a-f]{8})"\)/.exec(client)!;
  await using relay = await startRelay();
  const response = await fetch(`${relay.http}/${name}`);
  assertEquals(await response.text(), sealed);
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

Deno.test("client.js: it is as small as the manual says, and streams took no more than 12 KB of it", async () => {
  const { "client.js": client, "client_sealed.js": sealed } = await makeScripts();
  const sizes = await Promise.all([client, sealed].map(compressedSize));
  assert(sizes[0] <= WITHOUT_STREAMS + 12 * KIB);
  const manual = (await readReadme("src/client/README.md")).replaceAll(/\s+/g, " ");
  const stated = [/`\/client\.js` has (\d+) KB/, /a module of its own, (\d+) KB/].map((words) =>
    words.exec(manual)?.[1]
  );
  assertEquals(stated, sizes.map((size) => `${Math.round(size / KIB)}`));
});

async function compressedSize(text: string): Promise<number> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}
