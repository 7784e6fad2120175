/** The relay as one file: everything it needs is in its module graph, the page included. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Buffer } from "node:buffer";
import { VERSION } from "../src/protocol.ts";
import { makeAssets } from "../src/server/page/assets.ts";
import { packagesOf } from "./helpers/module_graph.ts";
import { Listening, portOf, within } from "./helpers/process.ts";
import { findProgram } from "./helpers/programs.ts";
import { CERTIFICATE_FILES, fetchTrusting } from "./helpers/trust.ts";

const ROOT = new URL("..", import.meta.url);
/** How `deno compile` fails where its base runtime cannot be downloaded. */
const NO_BASE_RUNTIME = /Setting up base binary|error sending request/;
/** Of what is added to the base runtime: the packages' files that are never run are left out. */
const MOST_BYTES = 10 * 1024 * 1024;

Deno.test("bundled into one file and moved elsewhere, it serves its page", async () => {
  await inTemporaryFolder(async (folder) => {
    const bundle = join(folder, "relay.js");
    assertEquals((await deno(["bundle", "--quiet", "main.ts", "-o", bundle])).code, 0);
    await assertServes(Deno.execPath(), ["run", "-A", "--no-config", bundle], folder);
  });
});

Deno.test("compiled by its task, it holds what the relay runs, the page included, and no more", async () => {
  await inTemporaryFolder(async (folder) => {
    const binary = join(folder, "relay");
    // Any program will do for a base runtime that is not run: whatever it is, the module graph comes behind it.
    const { code, stdout, stderr } = await deno(await compileArgs(binary), { DENORT_BIN: findProgram("true")! });
    assertEquals(code, 0, stderr);
    assertEquals(packagesIn(stdout + stderr), await packagesOf("main.ts"));
    const bytes = Buffer.from(await Deno.readFile(binary));
    const page = await Deno.readTextFile(new URL("src/server/page/index.html", ROOT));
    const assets = Array.from(makeAssets(), ([path, { body }]): [string, string] => [path, body]);
    for (const [path, body] of [["/", page], ...assets]) assertEquals(bytes.includes(body), true, path);
    assertEquals(bytes.length < MOST_BYTES, true, `want less than ${MOST_BYTES} bytes, got ${bytes.length}`);
  });
});

Deno.test("compiled upon Deno's base runtime, it serves its page", async () => {
  await inTemporaryFolder(async (folder) => {
    const { code, stderr } = await deno(await compileArgs(join(folder, "relay")));
    // Where releases are made there is the base runtime, or there is no release.
    if (code !== 0 && NO_BASE_RUNTIME.test(stderr) && Deno.env.get("GITHUB_ACTIONS") !== "true") {
      console.log("Not run: the base runtime cannot be downloaded here. The module graph was bundled and compiled.");
      return;
    }
    assertEquals(code, 0, stderr);
    await assertServes(join(folder, "relay"), [], folder);
  });
});

Deno.test("each platform's binary is compiled as this one's", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const ofTarget = tasks.compile.command.replace("-o dist/relay", "--target $TARGET -o dist/relay-$TARGET");
  assertEquals(tasks["compile:target"].command, ofTarget);
});

// A task cannot share its flags with another one: a task that runs a task gets a signal twice, and the relay ends at once.
Deno.test("the tasks that start it differ only in what they may read", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [command, ...others] = ["start", "start:tls", "start:files"]
    .map((name) => tasks[name].command.replace(/ "?--allow-read(=[^"\s]+)?"? /, " "));
  assertEquals(others, [command, command]);
});

Deno.test("the task that starts it names permissions that suffice, and not all", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const name of ["start", "start:tls", "start:files", "compile"]) {
    assertEquals(/ (-A|--allow-all|--allow-run|--allow-write|--allow-ffi)\b/.test(tasks[name].command), false, name);
  }
  for (const transport of ["deno", "tcp"]) {
    await assertServes(Deno.execPath(), ["task", "--quiet", "start", "--transport", transport], ROOT.pathname);
  }
});

Deno.test("the task that starts it with TLS takes files from a folder with a space in its name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "with a space " });
  const [RELAY_CERT, RELAY_KEY] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  await Deno.copyFile(CERTIFICATE_FILES.cert, RELAY_CERT);
  await Deno.copyFile(CERTIFICATE_FILES.key, RELAY_KEY);
  const options = { args: ["task", "--quiet", "start:tls", "--port", "0"], cwd: ROOT, env: { RELAY_CERT, RELAY_KEY } };
  const portOfTls = (line: string) => Number(/https:\/\/localhost:(\d+)$/.exec(line)?.[1]) || undefined;
  await using relay = await new Listening("the relay", Deno.execPath(), options).listening(portOfTls);
  assertEquals(await (await fetchTrusting(`https://127.0.0.1:${relay.port}/readyz`)).text(), "ready\n");
  await Deno.remove(folder, { recursive: true });
  relay.signal("SIGINT");
  assertEquals((await within(relay.exited, "the relay to end")).code, 0);
});

async function assertServes(command: string, args: string[], folder: string): Promise<void> {
  const options = { args: [...args, "--port", "0"], cwd: new URL(`file://${folder}/`) };
  await using relay = await new Listening("the relay", command, options).listening(portOf);
  const page = await fetch(relay.http, { headers: { accept: "text/html" } });
  assertStringIncludes(await page.text(), VERSION);
  relay.signal("SIGINT");
  await relay.exited;
  assertEquals(/NotCapable|requires .* access/i.test(relay.stderr), false, relay.stderr);
  assertMatch(relay.stderr, /draining/);
}

/** What the task `compile` runs, with another output. */
async function compileArgs(output: string): Promise<string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [command, ...args] = tasks.compile.command.split(" ").map((arg: string) => arg === "dist/relay" ? output : arg);
  assertEquals([command, args.includes(output)], ["deno", true]);
  return args;
}

/** The packages in the tree of files that `deno compile` prints: the folders above their versions. */
function packagesIn(tree: string): string[] {
  const names: string[] = [];
  const above: string[] = [];
  for (const [, indent, path] of tree.matchAll(/^((?:[│ ] )*)[├└]─[─┬] (\S+) \(.*\)$/gm)) {
    above.splice(indent.length / 2, Infinity, path);
    const [, name] = /^\.deno_compile_node_modules\/[^/]+\/(@[^/]+\/[^/]+|[^@/][^/]*)/.exec(above.join("/")) ?? [];
    if (name !== undefined) names.push(name);
  }
  return [...new Set(names)].sort();
}

async function deno(args: string[], env: Record<string, string> = {}) {
  const options = { args, cwd: ROOT, env: { NO_COLOR: "1", ...env } };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function inTemporaryFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
