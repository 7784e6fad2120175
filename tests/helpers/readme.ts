/**
 * The READMEs' own examples, to be run as they stand there.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { NodeProject } from "./node_project.ts";
import type { Child } from "./process.ts";

const ROOT = new URL("../../", import.meta.url);
/** All that is said to people, where it stands. */
export const READMES = [
  "README.md",
  ...["automerge", "client", "server", "yjs"].map((folder) => `src/${folder}/README.md`),
  "src/PROTOCOL.md",
  "tests/README.md",
] as const;
const URL_IN_README = "wss://my-relay.example";
const MOST_LINES = 14;
/** Node has one of its own since version 22. */
const WEB_SOCKET = `import { WebSocket } from "ws"; globalThis.WebSocket ??= WebSocket;`;

/** Checks the types of the README's example for a module, and starts it in Node as it stands there. */
export async function runSnippet(project: NodeProject, module: string, url: string): Promise<Child> {
  const code = await snippet(module, url);
  await project.write("snippet.ts", code);
  assertEquals(await project.typeCheck("snippet.ts", "--skipLibCheck"), "");
  await project.write("snippet.mjs", code);
  await project.write("web_socket.mjs", WEB_SOCKET);
  return project.node("--import", "./web_socket.mjs", "snippet.mjs");
}

/**
 * The one example in this language that imports this module, with a relay's URL in place of the one it is shown with, if any.
 * Fails if it is longer than promised.
 */
export async function snippet(module: string, url = URL_IN_README, language = "ts"): Promise<string> {
  const found = (await blocks(language)).filter((code) => code.includes(`from "${module}"`));
  assertEquals(found.length, 1, `want one example in the READMEs that imports ${module}`);
  const [code] = found;
  assert(code.trim().split("\n").length <= MOST_LINES, `want at most ${MOST_LINES} lines, got\n${code}`);
  assert(url === URL_IN_README || code.includes(URL_IN_README), `want the relay at ${URL_IN_README}, got\n${code}`);
  return code.replaceAll(URL_IN_README, url);
}

/** The one example in this language. */
export async function block(language: string): Promise<string> {
  const found = await blocks(language);
  assertEquals(found.length, 1, `want one example in the READMEs in ${language}`);
  return found[0];
}

/** One of the READMEs. */
export async function readReadme(path: typeof READMES[number]): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

/** Those of all READMEs; what two of them show alike is one. */
async function blocks(language: string): Promise<string[]> {
  const pattern = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms");
  const texts = await Promise.all(READMES.map(readReadme));
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, code]) => code)))];
}
