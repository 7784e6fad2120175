/** The packed package in an empty Node project: what is in it, its types, and the behaviours. */

import { assertEquals } from "@std/assert";
import { NodeProject } from "../helpers/node_project.ts";
import { type Child, within } from "../helpers/process.ts";
import { type Action, behaviours } from "./behaviours.ts";
import { bundle } from "./bundle.ts";
import { RelayStage } from "./stage.ts";

const PACKAGES = ["ws@8.23.0", "@types/ws@8.18.2", "@types/node@20.19.43", "typescript@5.9.3"];

const USE = `
import { Client, type PeerSocket } from "@localfirst/relay/client";
import { WebSocket } from "ws";

const client = new Client({ userName: "alice", url: "myrelay.somedomain.com", WebSocket })
  .join("ambitious-mongoose")
  .on("peer.connect", ({ documentId, userName, socket }) => {
    socket.write("Hello! 🎉");
    socket.on("data", (message) => console.log(\`message from \${userName} about \${documentId}\`, message));
    socket.on("close", ({ code, reason }) => code.toFixed() + reason.trim());
    socket satisfies PeerSocket;
  })
  .on("error", ({ message }) => console.error(message));
// @ts-expect-error no such event
client.on("peer-connect", () => {});
await client[Symbol.asyncDispose]();
`;

Deno.test("in Node, packed", async (test) => {
  await using project = await NodeProject.create(...PACKAGES);
  await project.write("behaviours.mjs", await bundle("tests/client/behaviours.ts"));
  await project.write("node_runner.mjs", await Deno.readTextFile(new URL("node_runner.mjs", import.meta.url)));

  await test.step("the package holds what it needs and nothing else", async () => {
    const strange = (await project.files()).filter((name) =>
      !/^package\/(package\.json|README\.md|LICENSE|main\.d\.ts|src\/[\w/]+\.(js|d\.ts)|deno\/(LICENSES|[\w/]+\.js))$/
        .test(name)
    );
    assertEquals(strange, []);
  });

  await test.step("every module of the client comes with its source map", async () => {
    const folder = project.path("node_modules/@localfirst/relay/src/client");
    const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) =>
      name.endsWith(".js")
    );
    const texts = await Promise.all(names.map((name) => Deno.readTextFile(`${folder}/${name}`)));
    assertEquals(names.includes("mod.js"), true);
    assertEquals(names.filter((_, index) => !texts[index].includes("//# sourceMappingURL=data:application/json")), []);
  });

  await test.step("it brings none of the libraries that only some of its exports need", async () => {
    const optional = ["@automerge/automerge-repo", "yjs", "y-protocols"];
    assertEquals(await Promise.all(optional.map((name) => project.has(name))), [false, false, false]);
  });

  await test.step("its types hold, with and without the DOM's", async () => {
    await project.write("use.ts", USE);
    for (const lib of ["es2022", "es2022,dom"]) assertEquals(await project.typeCheck("use.ts", "--lib", lib), "", lib);
  });

  const sources = await hasWebSocket(project) ? ["ws", "platform"] : ["ws"];
  for (const source of sources) {
    await test.step(`with the WebSocket of ${source}`, (step) => behave(project, source, step));
  }
});

async function behave(project: NodeProject, source: string, test: Deno.TestContext): Promise<void> {
  await using relay = await RelayStage.start(["--drain-timeout", "1"]);
  await using node = project.node("node_runner.mjs", relay.url, source);
  for (const name of Object.keys(behaviours)) {
    await test.step(name, async () => {
      await node.writeLine(name);
      await serve(node, relay);
    });
  }
  await test.step("nothing keeps the process alive", async () => {
    await node.writeLine("");
    assertEquals((await within(node.exited, "Node to end by itself")).code, 0);
  });
}

/** Does to the relay what a behaviour wants, until it has ended. */
async function serve(node: Child, relay: RelayStage): Promise<void> {
  for (;;) {
    const { action, error } = await node.nextLine<Report>("a report", (line) => JSON.parse(line));
    if (error !== undefined) throw new Error(error);
    if (action === undefined) return;
    await relay.control(action);
    await node.writeLine("done");
  }
}

interface Report {
  action?: Action;
  error?: string;
}

/** Since version 22. */
async function hasWebSocket(project: NodeProject): Promise<boolean> {
  await using node = project.node("--print", "typeof WebSocket");
  return await node.nextLine("a type", (line) => line) === "function";
}
