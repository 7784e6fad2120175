/** The README's note for who comes from 4.x, beside what 4.2.2 has. */

import { assertEquals } from "@std/assert";
import { CLIENT_EVENTS } from "../../src/client/events.ts";
import { installReleased } from "../helpers/released.ts";

const RELEASED = new URL("node_modules/relay-4/", import.meta.url);
const ROOT = new URL("../../", import.meta.url);

Deno.test("the note for who comes from 4.x tells of all that it exports, and what it is now", async () => {
  await installReleased();
  const now = Object.keys(JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))).exports);
  const gone = Object.keys(JSON.parse(await Deno.readTextFile(new URL("package.json", RELEASED))).exports);
  const note = await rows();
  for (const name of gone) {
    assertEquals(note.get(`@localfirst/relay${name.slice(1)}`), [
      `@localfirst/relay${name.slice(1, -3).toLowerCase()}`,
    ]);
    assertEquals(now.includes(name.slice(0, -3).toLowerCase()), true, name);
  }
});

Deno.test("the note for who comes from 4.x tells of all events of its client, and what they are now", async () => {
  await installReleased();
  const types = await Deno.readTextFile(new URL("dist/types.d.ts", RELEASED));
  const [, events] = /type ClientEvents = \{(.*?)\};/s.exec(types)!;
  const gone = Array.from(events.matchAll(/^\s*"([\w-]+)":/gm), ([, name]) => name);
  assertEquals(gone.length, 4);
  const note = await rows();
  for (const name of gone) {
    const renamed = name.replace("-", ".");
    assertEquals(note.get(name)?.includes(renamed), true, name);
    assertEquals((CLIENT_EVENTS as readonly string[]).includes(renamed), true, name);
  }
});

/** From each name in the note's first column to the names beside it. */
async function rows(): Promise<Map<string, string[]>> {
  const readme = await Deno.readTextFile(new URL("src/client/README.md", ROOT));
  const [note] = readme.slice(readme.indexOf("## Coming from 4.x")).split("\n## ");
  const namesIn = (text: string) => Array.from(text.matchAll(/`([^`]+)`/g), ([, name]) => name);
  const cells = Array.from(note.matchAll(/^\| (.*?) \| (.*?) \|$/gm), ([, then, now]) => [then, now].map(namesIn));
  return new Map(cells.flatMap(([then, now]) => then.map((name): [string, string[]] => [name, now])));
}
