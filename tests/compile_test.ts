/** The relay as one file: everything it needs is in its module graph, the page included. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { VERSION } from "../src/protocol.ts";
import { Listening, portOf } from "./helpers/process.ts";

const ROOT = new URL("..", import.meta.url);
/** How `deno compile` fails where its base runtime cannot be downloaded. */
const NO_BASE_RUNTIME = /Setting up base binary|error sending request/;

Deno.test("bundled into one file and moved elsewhere, it serves its page", async () => {
  await inTemporaryFolder(async (folder) => {
    const bundle = join(folder, "relay.js");
    assertEquals((await deno(["bundle", "--quiet", "main.ts", "-o", bundle])).code, 0);
    await assertServes(Deno.execPath(), ["run", "-A", "--no-config", bundle], folder);
  });
});

Deno.test("compiled into one binary, it serves its page and checks itself", async () => {
  await inTemporaryFolder(async (folder) => {
    const { code, stderr } = await deno(await compileArgs(join(folder, "relay")));
    if (code !== 0 && NO_BASE_RUNTIME.test(stderr)) {
      console.log("Not run: deno compile cannot download its base runtime here. The module graph was bundled instead.");
      return;
    }
    assertEquals(code, 0, stderr);
    await assertServes(join(folder, "relay"), [], folder);
  });
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

async function deno(args: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

async function inTemporaryFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
