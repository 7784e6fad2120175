/**
 * The README's own examples, to be run as they stand there.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

const README = new URL("../../README.md", import.meta.url);
const URL_IN_README = "wss://my-relay.example";
const MOST_LINES = 14;

/**
 * The one TypeScript example that imports this module, with a relay's URL in place of the one it is shown with. Fails if
 * it is longer than promised.
 */
export async function snippet(module: string, url: string): Promise<string> {
  const blocks = (await Deno.readTextFile(README)).matchAll(/^```ts\n(.*?)^```$/gms);
  const found = [...blocks].map(([, code]) => code).filter((code) => code.includes(`from "${module}"`));
  assertEquals(found.length, 1, `want one example in the README that imports ${module}`);
  const [code] = found;
  assert(code.trim().split("\n").length <= MOST_LINES, `want at most ${MOST_LINES} lines, got\n${code}`);
  assert(code.includes(URL_IN_README), `want the relay at ${URL_IN_README}, got\n${code}`);
  return code.replaceAll(URL_IN_README, url);
}
