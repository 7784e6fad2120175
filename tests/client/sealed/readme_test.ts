/** The manual's sealed page in each engine: whoever has the link meets; only the relay's address was changed in it. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Tab } from "../../browsers/browser.ts";
import { testInEngines } from "../../browsers/engines.ts";
import { waitFor } from "../../browsers/waiting.ts";
import { startRelay } from "../../helpers/process.ts";
import { readReadme } from "../../helpers/readme.ts";

const SHOWN = "https://my-relay.example";
const MOST_LINES = 15;
/** Keeps what the page writes to its console. */
const LISTENER = "<script>globalThis.lines = []; console.log = (...words) => lines.push(words.join(' '));</script>";

testInEngines("the manual's sealed page: who has the link talks, who has another does not", async (engine) => {
  const page = await example();
  await using relay = await startRelay();
  const html = `<!doctype html><title>Sealed</title>${LISTENER}${page.replaceAll(SHOWN, relay.http)}`;
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  await using server = Deno.serve(options, () => new Response(html, { headers: { "content-type": "text/html" } }));
  await using browser = await engine.launch();
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const [alice, stranger] = [await browser.open(url), await browser.open(url)];
  const link = await linkOf(alice);
  assertMatch(link, /#[\w-]{43}$/);
  const bob = await browser.open(link);
  assertEquals(await linkOf(bob), link);
  for (const tab of [alice, bob]) assertMatch((await linesOf(tab, 1))[0], / Hello!$/);
  assertEquals(await linesOf(stranger, 0), []);
});

async function example(): Promise<string> {
  const blocks = [...(await readReadme("src/client/README.md")).matchAll(/^```html\n(.*?)^```$/gms)];
  const found = blocks.map(([, code]) => code).filter((code) => code.includes("createSecret"));
  assertEquals(found.length, 1);
  assertEquals(found[0].trim().split("\n").length <= MOST_LINES, true);
  return found[0];
}

async function linkOf(tab: Tab): Promise<string> {
  return await waitFor(() => tab.evaluate(() => location.href), (href) => href.includes("#"), "the link");
}

async function linesOf(tab: Tab, count: number): Promise<string[]> {
  const look = () => tab.evaluate(() => (globalThis as unknown as { lines: string[] }).lines);
  return await waitFor(look, ({ length }) => length >= count, `${count} lines`);
}
