/**
 * The behaviours wherever applications run: the packed package in each runtime, behind wrappers of WebSocket, in the
 * oldest browsers' language, and in the DOM that test runners emulate.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { WIRE_LIMITS } from "../../src/protocol.ts";
import { NodeProject } from "../helpers/node_project.ts";
import { type Child, within } from "../helpers/process.ts";
import { readReadme } from "../helpers/readme.ts";
import { type Action, behaviours, ofSockets } from "./behaviours.ts";
import { bundle } from "./bundle.ts";
import { RelayStage } from "./stage.ts";

/** What the client manual promises, and the project below installs. */
const VERSIONS = { "Node 22": "22.23.3", "Node 24": "24.21.0", Bun: "1.4.5", jsdom: "26.1.0" };
const PACKAGES = [
  `node22@npm:node@${VERSIONS["Node 22"]}`,
  `node24@npm:node@${VERSIONS["Node 24"]}`,
  `bun@${VERSIONS.Bun}`,
  `jsdom@${VERSIONS.jsdom}`,
  "ws@8.23.0",
  "@mswjs/interceptors@0.41.9",
  "@mdn/browser-compat-data@8.1.9",
  "esbuild@0.28.2",
];
/** Also promised: what the client uses of the language and the platform is no newer. */
const OLDEST = { chrome: 92, edge: 92, firefox: 90, safari: 15.4, safari_ios: 15.4 };
/** With a secret: the libraries for that are younger. */
const OLDEST_SEALED = { ...OLDEST, chrome: 93, edge: 93, firefox: 92 };
/** Of one peer. */
const MOST_DOCUMENTS = WIRE_LIMITS.documentsPerPeer;
const NODE_22 = "node_modules/node22/bin/node";
const NODE_24 = "node_modules/node24/bin/node";

/** A mocked connection tells of an end as it likes: there, this much has to work. */
const MOCKED = Object.keys(behaviours).slice(0, 4);

interface Runtime {
  readonly program: string;
  readonly args?: string[];
  /** Whose WebSocket the client takes. */
  readonly source: "ws" | "platform" | "jsdom";
  /** One socket for everything, and nothing sealed, if left out. */
  readonly way?: "sealed" | "sockets";
  /** All, if left out. */
  readonly behaviours?: readonly string[];
}

const RUNTIMES: Record<string, Runtime> = {
  "Node 20, or whichever is installed, with ws": { program: "node", source: "ws" },
  "Node 22": { program: NODE_22, source: "platform" },
  "Node 24": { program: NODE_24, source: "platform" },
  "Bun": { program: "node_modules/.bin/bun", source: "platform" },
  "the language of the oldest browsers": { program: "node", args: ["--import", "./oldest.mjs"], source: "ws" },
  "jsdom, as in Jest and Vitest": { program: NODE_24, source: "jsdom" },
  "Node 20, or whichever is installed, with ws, sealed": { program: "node", source: "ws", way: "sealed" },
  "Node 22, sealed": { program: NODE_22, source: "platform", way: "sealed" },
  "Node 24, sealed": { program: NODE_24, source: "platform", way: "sealed" },
  "Bun, sealed": { program: "node_modules/.bin/bun", source: "platform", way: "sealed" },
  "Node 20, or whichever is installed, with ws, a socket for each conversation": {
    program: "node",
    source: "ws",
    way: "sockets",
    behaviours: ofSockets,
  },
  "Node 22, a socket for each conversation": {
    program: NODE_22,
    source: "platform",
    way: "sockets",
    behaviours: ofSockets,
  },
  "Node 24, a socket for each conversation": {
    program: NODE_24,
    source: "platform",
    way: "sockets",
    behaviours: ofSockets,
  },
  "Bun, a socket for each conversation": {
    program: "node_modules/.bin/bun",
    source: "platform",
    way: "sockets",
    behaviours: ofSockets,
  },
  "the language of the oldest browsers, sealed": {
    program: "node",
    args: ["--import", "./oldest.mjs"],
    source: "ws",
    way: "sealed",
    behaviours: MOCKED,
  },
  "a WebSocket that MSW has wrapped": {
    program: NODE_24,
    args: ["--import", "./wrapped.mjs"],
    source: "platform",
    behaviours: MOCKED,
  },
};

Deno.test("in every runtime", async (test) => {
  await using project = await NodeProject.create(...PACKAGES);
  await project.write("behaviours.mjs", await bundle("tests/client/behaviours.ts"));
  await project.write("browsers.json", JSON.stringify(OLDEST));
  await project.write("browsers_sealed.json", JSON.stringify(OLDEST_SEALED));
  await project.write("window.js", await bundle("tests/client/window.ts"));
  for (const name of ["node_runner.mjs", "oldest.mjs", "wrapped.mjs", "many_documents.mjs"]) {
    await project.write(name, await Deno.readTextFile(new URL(`node/${name}`, import.meta.url)));
  }

  for (const [title, { program, args = [], source, way, behaviours: names }] of Object.entries(RUNTIMES)) {
    await test.step(title, async (step) => {
      await using relay = await RelayStage.start(["--drain-timeout", "1"]);
      await using runner = project.start(
        program,
        ...args,
        "node_runner.mjs",
        relay.url,
        source,
        ...(way ? [way] : []),
      );
      await behave(runner, relay, step, names);
    });
  }

  await test.step(`two clients in Node 24 meet about ${MOST_DOCUMENTS} documents, with a socket each`, async () => {
    await using relay = await RelayStage.start();
    await using child = project.start(NODE_24, "many_documents.mjs", relay.url, `${MOST_DOCUMENTS}`);
    const { sockets, errors } = await child.nextLine<Crowd>("all to be heard", (line) => JSON.parse(line));
    assertEquals([sockets, errors], [2, []]);
    assertEquals((await within(child.exited, "the runtime to end by itself")).code, 0);
  });

  await test.step("no syntax is newer than the oldest browsers", async () => {
    const { chrome, edge, firefox, safari, safari_ios: ios } = OLDEST;
    const oldest = `chrome${chrome},edge${edge},firefox${firefox},safari${safari},ios${ios}`;
    assertEquals(await transpile(project, oldest), await transpile(project, "esnext"));
  });

  await test.step("the client manual names the versions", async () => {
    const manual = (await readReadme("src/client/README.md")).replaceAll(/\s+/g, " ");
    for (const [name, version] of Object.entries(VERSIONS)) {
      assertStringIncludes(manual, `${name.split(" ")[0]} ${version}`);
    }
    const { chrome, firefox, safari } = OLDEST;
    const oldest = `Chrome and Edge ${chrome}, Firefox ${firefox} and Safari ${safari}`;
    assertStringIncludes(manual, oldest);
  });
});

interface Crowd {
  readonly sockets: number;
  readonly errors: string[];
}

async function behave(
  runner: Child,
  relay: RelayStage,
  test: Deno.TestContext,
  names: readonly string[] = Object.keys(behaviours),
): Promise<void> {
  for (const name of names) {
    await test.step(name, async () => {
      await runner.writeLine(name);
      await serve(runner, relay);
    });
  }
  await test.step("nothing keeps the process alive", async () => {
    await runner.writeLine("");
    assertEquals((await within(runner.exited, "the runtime to end by itself")).code, 0);
  });
}

/** Does to the relay what a behaviour wants, until it has ended. */
async function serve(runner: Child, relay: RelayStage): Promise<void> {
  for (;;) {
    const { action, error } = await runner.nextLine<Report>("a report", (line) => JSON.parse(line));
    if (error !== undefined) throw new Error(error);
    if (action === undefined) return;
    await relay.control(action);
    await runner.writeLine("done");
  }
}

interface Report {
  action?: Action;
  error?: string;
}

/** Everything of the package that runs in pages, in the syntax of these browsers. */
async function transpile(project: NodeProject, target: string): Promise<string[]> {
  const names = (await project.files()).filter((name) =>
    /^package\/src\/((client|yjs|automerge)\/.*|\w+)\.js$/.test(name)
  );
  const paths = names.map((name) => name.replace("package", "node_modules/@localfirst/relay"));
  await project.run("npx", ["esbuild", ...paths, `--target=${target}`, `--outdir=${target}`, "--outbase=."]);
  return await Promise.all(paths.map((path) => Deno.readTextFile(project.path(`${target}/${path}`))));
}
