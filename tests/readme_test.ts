/** What the READMEs say of options, close codes and files is what the code has. */

import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { CLOSE } from "../src/protocol.ts";
import { parseCommand, variableNames } from "../src/server/config.ts";
import { READMES, readReadme } from "./helpers/readme.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** The platform's own variable, of which nobody has to know. */
const OF_DEPLOY = "DENO_DEPLOYMENT_ID";

Deno.test("the table of options has every flag and every variable, and no others", async () => {
  const readme = await readReadme("src/server/README.md");
  const rows = [...readme.matchAll(/^\| (`--.*?) +\| (`[A-Z].*?) +\|/gm)];
  const named = (column: number, pattern: RegExp) => rows.flatMap((row) => row[column].match(pattern) ?? []).sort();
  const help = (parseCommand(["--help"], () => undefined, "") as { print: string }).print;
  const flags = [...help.matchAll(/^ +(--[\w-]+) .*?(?:PORT|HOST|RELAY_)/gm)].map(([, flag]) => flag).sort();
  assertEquals(named(1, /--[\w-]+/g), flags);
  assertEquals(named(2, /[A-Z][A-Z_]+/g), variableNames().filter((name) => name !== OF_DEPLOY).sort());
});

Deno.test("the table of close codes has every code and reason, and no others", async () => {
  const readme = await readReadme("src/PROTOCOL.md");
  const rows = [...readme.matchAll(/^\| (\d{4}) +\| `(.*?)`/gm)].map(([, code, reason]) => `${code} ${reason}`);
  assertEquals(rows.sort(), Object.values(CLOSE).map(({ code, reason }) => `${code} ${reason}`).sort());
});

Deno.test("the top README is short, and every link between files leads somewhere", async () => {
  assertEquals((await readReadme("README.md")).split("\n").length <= 250, true);
  const broken: string[] = [];
  for (const path of READMES) {
    for (const [, target, anchor] of (await readReadme(path)).matchAll(/\]\((?!\w+:)([^)#]*)(#[^)]*)?\)/g)) {
      const file = target === "" ? path : join(dirname(path), target);
      if (!await leadsSomewhere(file, anchor)) broken.push(`${path} -> ${target}${anchor ?? ""}`);
    }
  }
  assertEquals(broken, []);
});

/** Whether there is such a file, with such a heading. */
async function leadsSomewhere(file: string, anchor: string | undefined): Promise<boolean> {
  const text = await Deno.readTextFile(join(ROOT, file)).catch(() => undefined);
  if (text === undefined || anchor === undefined) return text !== undefined;
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading.toLowerCase());
  return headings.some((heading) => `#${heading.replace(/[^\w -]/g, "").replaceAll(" ", "-")}` === anchor);
}
