/** The house has wings, and imports between them run one way. A file that belongs to no wing fails. */

import { assertEquals } from "@std/assert";
import { dirname, join, relative } from "@std/path";

const ROOT = new URL("..", import.meta.url).pathname;

interface Wing {
  /** Files, or folders that end with a slash. */
  readonly files: readonly string[];
  /** Its files that other wings may import; all, where nothing is said. */
  readonly doors?: readonly string[];
  /** The wings whose doors it may use. */
  readonly enters: string;
}

const SERVER = "src/server/";

/** From the front door down: a wing enters only wings below it. */
const WINGS: Record<string, Wing> = {
  main: { files: ["main.ts"], enters: "check process config core protocol" },
  check: { files: ["src/check/"], doors: ["mod.ts"], enters: "client multiplex-client config core protocol" },
  process: { files: [`${SERVER}process/`], doors: ["run.ts"], enters: "server bus config core" },
  server: {
    files: ["mod.ts", "server.ts", "dismissals.ts", "drain.ts", "listen_error.ts"].map((name) => SERVER + name),
    doors: ["server.ts", "listen_error.ts"],
    enters: "page http backplane bus discovery pairing multiplex metrics deno tcp transport config core protocol",
  },
  page: { files: [`${SERVER}page/`], doors: ["page.ts", "assets.ts"], enters: "backplane core protocol" },
  http: { files: [`${SERVER}http/`], enters: "config core protocol" },
  backplane: {
    files: [`${SERVER}backplane/`],
    doors: ["backplane.ts", "shared_backplane.ts"],
    enters: "bus discovery pairing metrics transport websocket core protocol",
  },
  bus: {
    files: [`${SERVER}backplane/bus/`],
    doors: ["bus.ts", "nats_bus.ts", "subjects.ts"],
    enters: "metrics core",
  },
  discovery: {
    files: [`${SERVER}discovery/`],
    doors: ["introducer.ts", "announcer.ts", "sample.ts"],
    enters: "metrics transport core protocol",
  },
  pairing: {
    files: [`${SERVER}pairing/`],
    doors: ["broker.ts", "matchmaker.ts"],
    enters: "metrics transport core protocol",
  },
  multiplex: {
    files: [`${SERVER}multiplex/`],
    doors: ["multiplexer.ts"],
    enters: "metrics transport websocket core protocol",
  },
  metrics: { files: [`${SERVER}metrics/`], enters: "transport core protocol" },
  deno: { files: [`${SERVER}transport/deno/`], doors: ["transport.ts"], enters: "transport core protocol" },
  tcp: { files: [`${SERVER}transport/tcp/`], doors: ["transport.ts"], enters: "transport websocket core protocol" },
  transport: { files: [`${SERVER}transport/`], enters: "core protocol" },
  websocket: { files: [`${SERVER}websocket/`], enters: "core protocol" },
  config: { files: [`${SERVER}config.ts`, `${SERVER}config/`], enters: "core" },
  core: { files: [`${SERVER}core/`], enters: "protocol" },
  automerge: { files: ["src/automerge/"], doors: ["mod.ts"], enters: "messages client protocol" },
  yjs: { files: ["src/yjs/"], doors: ["mod.ts"], enters: "messages client sockets protocol" },
  messages: { files: ["src/flush.ts", "src/message_stream.ts"], enters: "client" },
  client: {
    files: ["src/client/"],
    doors: ["mod.ts", "environment.ts", "options.ts", "emitter.ts", "relay_url.ts"],
    enters: "multiplex-client sealed sockets protocol",
  },
  "multiplex-client": {
    files: ["src/client/multiplex/"],
    doors: ["session.ts", "peer_stream.ts"],
    enters: "sockets protocol",
  },
  sealed: { files: ["src/client/sealed/"], doors: ["mod.ts", "secret.ts"], enters: "sockets protocol" },
  sockets: { files: ["src/client/socket/"], enters: "protocol" },
  pack: { files: ["src/pack.ts", "src/pack/"], enters: "" },
  protocol: { files: ["src/protocol.ts", "src/protocol/"], doors: ["protocol.ts"], enters: "" },
};

/** Packages, and the files that may use them. */
const PACKAGES: Record<string, string[]> = {
  "@noble/ciphers/chacha.js": ["src/client/sealed/"],
  "@noble/ciphers/utils.js": ["src/client/sealed/"],
  "@noble/curves/ed25519.js": ["src/client/sealed/"],
  "@noble/hashes/hkdf.js": ["src/client/sealed/"],
  "@noble/hashes/hmac.js": ["src/client/sealed/"],
  "@noble/hashes/sha2.js": ["src/client/sealed/"],
  "@nats-io/transport-node": [`${SERVER}backplane/bus/`],
  "@logtape/logtape": [`${SERVER}core/log.ts`],
  "@std/async/deadline": ["src/check/deadline.ts"],
  "@std/cli/parse-args": [`${SERVER}config.ts`, "src/check/"],
  "@std/http/etag": [`${SERVER}page/assets.ts`],
  "@std/http/negotiation": [`${SERVER}page/`],
  "@std/http/status": [`${SERVER}transport/tcp/response.ts`],
  "@std/msgpack": ["src/check/"],
  "eventemitter3": ["src/automerge/relay_network_adapter.ts"],
  "jsonwebtoken": [`${SERVER}http/tokens.ts`],
  "node:": [SERVER, "src/check/local_relay.ts"],
  "y-protocols/awareness": ["src/yjs/"],
  "yjs": ["src/yjs/"],
};

Deno.test("every import between wings is in the table, and every file is in a wing", async () => {
  const wrong: string[] = [];
  for await (const file of sources()) {
    const wing = wingOf(file);
    if (wing === undefined) wrong.push(`${file} is in no wing`);
    else wrong.push(...(await importsOf(file)).filter((path) => !mayImport(wing, file, path)).map(arrowFrom(file)));
  }
  assertEquals(wrong, []);
});

Deno.test("the wings of the table exist, and enter only wings that stand below them", async () => {
  const names = Object.keys(WINGS);
  const files = await Array.fromAsync(sources());
  for (const [name, { files: own, doors = [], enters }] of Object.entries(WINGS)) {
    assertEquals(namesIn(enters).filter((entered) => names.indexOf(entered) <= names.indexOf(name)), [], name);
    assertEquals(own.filter((path) => !files.some((file) => file.startsWith(path))), [], name);
    assertEquals(doors.filter((door) => !files.some((file) => isDoor(name, door, file))), [], name);
  }
});

Deno.test("no file imports itself by way of others", async () => {
  const imports = new Map<string, string[]>();
  for await (const file of sources()) imports.set(file, await importsOf(file));
  assertEquals([...imports.keys()].filter((file) => reaches(imports, file, file, new Set())), []);
});

Deno.test("the relay loads nothing of client and adapters but what `relay check` needs, the client nothing of the server", async () => {
  const loaded = async (door: string, folder: RegExp) => [...await loadedBy(door)].filter((file) => folder.test(file));
  assertEquals(await loaded(`${SERVER}mod.ts`, /^src\/(client|automerge|yjs|check)\//), []);
  const multiplex = /^src\/client\/(multiplex|socket)\//;
  const ofClient = await loaded("main.ts", /^src\/(client|automerge|yjs)\//);
  assertEquals(ofClient.filter((file) => !multiplex.test(file)).sort(), [
    "src/client/environment.ts",
    "src/client/relay_url.ts",
  ]);
  assertEquals(await loaded("src/client/mod.ts", /^src\/(server|automerge|yjs)\//), []);
});

Deno.test("only the Deno transport upgrades or serves, and main.ts stays under 60 lines", async () => {
  const callers: string[] = [];
  for await (const file of sources()) {
    // Calls, not mentions in comments.
    if (/^(?!\s*\*).*Deno\.(serve|upgradeWebSocket)\(/m.test(await read(file))) callers.push(file);
  }
  assertEquals(callers, [`${SERVER}transport/deno/transport.ts`]);
  assertEquals((await read("main.ts")).split("\n").length < 60, true);
});

/** The wing with the longest path that fits. */
function wingOf(file: string): string | undefined {
  const fitting = Object.entries(WINGS).flatMap(([name, { files }]) =>
    files.filter((path) => path.endsWith("/") ? file.startsWith(path) : file === path).map((path) => ({ name, path }))
  );
  return fitting.sort((one, other) => other.path.length - one.path.length)[0]?.name;
}

function mayImport(wing: string, file: string, path: string): boolean {
  if (!path.includes("/") || /^(@|node:|npm:|[\w-]+\/)/.test(path) && !path.startsWith("src/")) {
    return Object.entries(PACKAGES).some(([name, users]) =>
      path === name || (name.endsWith(":") && path.startsWith(name))
        ? users.some((user) => file.startsWith(user))
        : false
    );
  }
  const entered = wingOf(path);
  if (entered === undefined || entered === wing) return entered === wing;
  const { doors } = WINGS[entered];
  return namesIn(WINGS[wing].enters).includes(entered) && (doors?.some((door) => isDoor(entered, door, path)) ?? true);
}

function isDoor(wing: string, door: string, file: string): boolean {
  return WINGS[wing].files.some((path) => file === (path.endsWith("/") ? path + door : path) && file.endsWith(door));
}

function namesIn(list: string): string[] {
  return list.split(" ").filter((name) => name !== "");
}

function arrowFrom(file: string): (path: string) => string {
  return (path) => `${file} -> ${path}`;
}

async function* sources(): AsyncIterable<string> {
  yield "main.ts";
  yield* filesBelow("src");
}

async function* filesBelow(folder: string): AsyncIterable<string> {
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* filesBelow(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

async function importsOf(file: string): Promise<string[]> {
  const specifiers = (await read(file)).matchAll(
    /^\s*(?:import|export)\s(?:[^;]*?\sfrom\s)?"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...specifiers].map(([, fixed, dynamic]) => fixed ?? dynamic).map((specifier) =>
    specifier.startsWith(".") ? relative(ROOT, join(ROOT, dirname(file), specifier)) : specifier
  );
}

/** A file and all others of the house that it imports, or that these import. */
async function loadedBy(file: string, loaded = new Set<string>()): Promise<Set<string>> {
  if (loaded.has(file) || !file.endsWith(".ts")) return loaded;
  loaded.add(file);
  for (const path of await importsOf(file)) await loadedBy(path, loaded);
  return loaded;
}

async function read(file: string): Promise<string> {
  return await Deno.readTextFile(join(ROOT, file));
}

function reaches(imports: Map<string, string[]>, from: string, target: string, seen: Set<string>): boolean {
  return (imports.get(from) ?? []).some((next) => {
    if (next === target) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return reaches(imports, next, target, seen);
  });
}
