/** The npm package, installed: each name that it exports, under Node and under Deno. */

import { assert, assertEquals, assertMatch } from "@std/assert";
// @ts-types="@types/jsonwebtoken"
import jwt from "jsonwebtoken";
import { packagesOf } from "./helpers/module_graph.ts";
import { NodeProject } from "./helpers/node_project.ts";
import { type Child, portOf, within } from "./helpers/process.ts";

const NAME = "@localfirst/relay";
const SECRET = "a secret of at least 32 characters";
const NEEDS_DENO = /^Error: Cannot load the relay's server: want Deno, got Node\.js.*$/m;

const CLIENT_NAMES = ["Client", "RefusalError", "createSecret", "sealedId"];

/** What each export has, and whether Node has it too. */
const EXPORTS: Record<string, { names: string[]; onNode: boolean }> = {
  ".": { names: ["main"], onNode: false },
  "./automerge": { names: ["RelayNetworkAdapter"], onNode: true },
  "./client": { names: CLIENT_NAMES, onNode: true },
  "./server": { names: ["ConfigError", "Server"], onNode: false },
  "./yjs": { names: ["RelayProvider"], onNode: true },
};

/** Two clients that meet at a server, all from the package, in one process. */
const CONVERSATION = `
import { Server } from "${NAME}/server";
import { Client } from "${NAME}/client";

const [transport, jwtSecret, ...tokens] = Deno.args;
const options = { port: 0, host: "127.0.0.1", metrics: true, transport: transport as "deno" | "tcp", jwtSecret };
const server = await new Server(options).listen();
const url = \`ws://127.0.0.1:\${server.port}\`;
const alice = new Client({ userName: "alice", url, token: tokens[0] }).join("doc");
const bob = new Client({ userName: "bob", url, token: tokens[1] }).join("doc");
const { promise, resolve } = Promise.withResolvers<unknown>();
alice.on("peer.connect", ({ socket }) => socket.write("hello"));
bob.on("peer.connect", ({ socket }) => socket.on("data", resolve));
console.log(await promise);
const answers = await Promise.all(["/", "/client.js", "/metrics"].map((path) => fetch("http" + url.slice(2) + path)));
console.log(answers.map(({ status }) => status).join(" "));
await Promise.all(answers.map(({ body }) => body?.cancel()));
for (const client of [alice, bob]) await client[Symbol.asyncDispose]();
await server.close();
`;

Deno.test("the npm package, for who has only the client", async (test) => {
  await using project = await NodeProject.create();

  await test.step("installs without a warning, and without the server's libraries", async () => {
    assertEquals(project.warnings, "");
    const forSeals = ["@noble/ciphers", "@noble/curves", "@noble/hashes"];
    assertEquals(await project.packages(), [NAME, ...forSeals, "eventemitter3"]);
  });

  await test.step("loads in Node", async () => {
    assertEquals(await namesIn(project.node("--input-type=module", "--eval", importing("./client"))), CLIENT_NAMES);
  });
});

Deno.test("the npm package, with what its adapters need", async (test) => {
  await using project = await NodeProject.create("yjs@13.6.33", "y-protocols@1.0.7");
  const manifest = JSON.parse(await Deno.readTextFile(project.path(`node_modules/${NAME}/package.json`)));

  await test.step("says what it exports, and that nothing happens at import", async () => {
    assertEquals(Object.keys(manifest.exports).sort(), [...Object.keys(EXPORTS), "./package.json"].sort());
    assertEquals(manifest.sideEffects, false);
    const code = `import manifest from "${NAME}/package.json" with { type: "json" }; console.log(manifest.version);`;
    const versions = [project.node("--input-type=module", "--eval", code), project.deno("eval", code)];
    for (const version of versions) assertEquals((await ended(version)).stdout.trim(), manifest.version);
  });

  for (const [name, { names, onNode }] of Object.entries(EXPORTS)) {
    await test.step(`${name} under Deno`, async () => {
      assertEquals(await namesIn(project.deno("eval", importing(name))), names);
    });

    await test.step(`${name} under Node${onNode ? "" : " says that it needs Deno"}`, async () => {
      const node = project.node("--input-type=module", "--eval", importing(name));
      if (onNode) return assertEquals(await namesIn(node), names);
      assertMatch((await ended(node)).stderr, NEEDS_DENO);
      // A name that is imported is there, so that the sentence is heard.
      const code = `import { ${names} } from "${NAME}${name.slice(1)}"; console.log(${names});`;
      assertMatch((await ended(project.node("--input-type=module", "--eval", code))).stderr, NEEDS_DENO);
    });
  }

  await project.write("conversation.ts", CONVERSATION);

  await test.step("its types hold under Deno", async () => {
    const imports = Object.entries(EXPORTS).map(([name, { names }]) =>
      `import { ${names} } from "${NAME}${name.slice(1)}";`
    );
    const used = Object.values(EXPORTS).flatMap(({ names }) => names);
    await project.write("types.ts", `${imports.join("\n")}\nconsole.log(${used});`);
    const { stderr, code } = await ended(project.deno("check", "--quiet", "types.ts", "conversation.ts"));
    assertEquals([stderr, code], ["", 0]);
  });

  for (const transport of ["deno", "tcp"]) {
    await test.step(`the server listens, and its clients meet, on ${transport}`, async () => {
      const tokens = ["alice", "bob"].map((sub) => jwt.sign({ sub }, SECRET));
      const talk = await ended(project.deno("run", "-A", "conversation.ts", transport, SECRET, ...tokens));
      assertEquals([talk.stdout, talk.code], ["hello\n200 200 200\n", 0], talk.stderr);
    });
  }

  await test.step("the command runs the relay, and its check finds it sound", async () => {
    await using relay = await project.deno("run", "-A", `npm:${NAME}`, "--port", "0").listening(portOf);
    const check = await ended(project.deno("run", "-A", `npm:${NAME}`, "check", relay.url));
    assertEquals(check.code, 0, check.stdout + check.stderr);
    relay.signal("SIGINT");
    assertEquals((await relay.exited).code, 0, relay.stderr);
  });

  await test.step("the command finds the library for NATS", async () => {
    const args = ["--port", "0", "--nats", "nats://127.0.0.1:1"];
    await using relay = project.deno("run", "-A", `npm:${NAME}`, ...args);
    await relay.nextErrorLine(/cut off from NATS.*connection refused/);
  });

  await test.step("the command says in Node that it needs Deno", async () => {
    const { stderr, code } = await ended(project.node("node_modules/.bin/relay"));
    assertMatch(stderr, NEEDS_DENO);
    assertEquals(code, 1);
  });

  await test.step("the licenses of all libraries that the server's files hold are there", async () => {
    const licenses = await Deno.readTextFile(project.path(`node_modules/${NAME}/deno/LICENSES`));
    const names = licenses.matchAll(/^((?:@[\w-]+\/)?[\w.-]+)@\d+\.\d+\.\d+$/gm);
    assertEquals(Array.from(names, ([, name]) => name), await packagesOf("main.ts"));
  });
});

function importing(name: string): string {
  return `console.log(JSON.stringify(Object.keys(await import("${NAME}${name.slice(1)}"))));`;
}

async function namesIn(child: Child): Promise<string[]> {
  const { stdout, stderr, code } = await ended(child);
  assert(code === 0, stderr);
  return JSON.parse(stdout).sort();
}

async function ended(process: Child): Promise<{ stdout: string; stderr: string; code: number }> {
  await using child = process;
  const { code } = await within(child.exited, "a program to end");
  return { stdout: child.stdout, stderr: child.stderr, code };
}
