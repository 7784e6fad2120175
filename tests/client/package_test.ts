/** The packed package: what is in it, what others' tools find wrong with it, and its types. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { NodeProject } from "../helpers/node_project.ts";
import { readReadme } from "../helpers/readme.ts";

const COMPILERS = ["5.0.4", "5.9.3", "6.0.3", "7.0.2"];
/** The libraries of types to try with each: without the DOM's, what is missing shows most. */
const LIBRARIES: Record<string, string[]> = { "5.0.4": ["es2022", "es2022,dom"], "7.0.2": ["es2022", "es2022,dom"] };
const PACKAGES = [
  ...COMPILERS.map((version) => `typescript-${version}@npm:typescript@${version}`),
  "publint@0.3.25",
  "@arethetypeswrong/cli@0.18.5",
  "@types/node@20.19.43",
  "@types/ws@8.18.2",
  "ws@8.23.0",
];

const USE = `
import { Client, type PeerSocket, RefusalError } from "@localfirst/relay/client";

const client = new Client({ userName: "alice", url: "myrelay.somedomain.com", multiplex: true })
  .join("ambitious-mongoose")
  .on("peer.connect", ({ documentId, userName, socket }) => {
    socket.write("Hello! 🎉");
    if (socket.readyState === 1 && socket.bufferedAmount === 0) socket.send(new Uint8Array([1]));
    socket.on("data", (message) => message satisfies string | ArrayBuffer);
    socket.on("close", ({ code, reason }) => code.toFixed() + reason.trim());
    socket.ready.then(() => socket.send("more"));
    socket.close(1000, userName + documentId);
    socket satisfies PeerSocket;
  })
  .on("error", ({ message }) => message.trim())
  .on("error", (error) => error instanceof RefusalError && error.documentIds.concat(error.reason));
// @ts-expect-error no such event
client.on("peer-connect", () => {});
await client[Symbol.asyncDispose]();
export { RelayNetworkAdapter } from "@localfirst/relay/automerge";
`;

const USE_WS = `
import { WebSocket } from "ws";
${USE.replace("new Client({", "new Client({ WebSocket,")}
`;

Deno.test("the packed package", async (test) => {
  await using project = await NodeProject.create(...PACKAGES);

  await test.step("holds what it needs and nothing else", async () => {
    const strange = (await project.files()).filter((name) =>
      !/^package\/(package\.json|README\.md|LICENSE|main\.d\.ts|src\/[\w/]+\.(js|d\.ts)|deno\/(LICENSES|[\w/]+\.js))$/
        .test(name)
    );
    assertEquals(strange, []);
  });

  await test.step("comes with a source map for every module of the client", async () => {
    const folder = project.path("node_modules/@localfirst/relay/src/client");
    const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) =>
      name.endsWith(".js")
    );
    const texts = await Promise.all(names.map((name) => Deno.readTextFile(`${folder}/${name}`)));
    assertEquals(names.includes("mod.js"), true);
    assertEquals(names.filter((_, index) => !texts[index].includes("//# sourceMappingURL=data:application/json")), []);
  });

  await test.step("brings none of the libraries that only some of its exports need", async () => {
    const optional = ["@automerge/automerge-repo", "yjs", "y-protocols"];
    assertEquals(await Promise.all(optional.map((name) => project.has(name))), [false, false, false]);
  });

  await test.step("is right for publint and @arethetypeswrong/cli", async () => {
    await project.run("npx", ["publint", "--strict", "node_modules/@localfirst/relay"]);
    await project.run("npx", ["attw", "--profile", "esm-only", "relay.tgz"]);
  });

  for (const version of COMPILERS) {
    await test.step(`has types that hold in TypeScript ${version}`, async () => {
      await project.write("use.mts", USE);
      for (const lib of LIBRARIES[version] ?? ["es2022"]) {
        const alone = ["--typeRoots", "none", "--lib", lib]; // nor those of Node, which hide what is missing
        assertEquals(await project.typeCheckBy(`typescript-${version}`, "use.mts", ...alone), "", lib);
      }
    });
  }

  await test.step("has types that go with those of Node, ws and the DOM", async () => {
    await project.write("use_ws.mts", USE_WS);
    assertEquals(await project.typeCheckBy(`typescript-${COMPILERS[1]}`, "use_ws.mts", "--lib", "es2022,dom"), "");
  });

  await test.step("has a client whose manual names the compilers", async () => {
    const manual = (await readReadme("src/client/README.md")).replaceAll(/\s+/g, " ");
    const [oldest, newest] = [COMPILERS[0], COMPILERS.at(-1)!].map((version) => version.slice(0, 3));
    assertStringIncludes(manual, `TypeScript ${oldest} to ${newest}`);
  });
});
