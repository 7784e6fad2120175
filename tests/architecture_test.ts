/** The house has one way through: who may import whom, as a table. A file without a line in it fails. */

import { assertEquals } from "@std/assert";
import { dirname, join, relative } from "@std/path";

const ROOT = new URL("..", import.meta.url).pathname;

/** From each file of `src/server` to the others that it may import. `protocol` is `src/protocol.ts`. */
const ROOMS: Record<string, string> = {
  limits: "",
  clock: "",
  log: "",
  machine: "",
  refusal: "",
  transport: "protocol tls",
  token_bucket: "clock",
  config: "log",
  tls: "config",
  tokens: "config tls",
  messagepack: "protocol",
  dialects: "protocol messagepack transport",
  router: "protocol refusal",
  buffers: "clock limits",
  watchdog: "clock limits",
  drain: "protocol clock limits transport",
  admission: "clock config limits refusal tokens",
  counters: "backplane/loss dialects refusal transport",
  loop_delay: "clock limits",
  metrics: "backplane counters",
  frames: "protocol frames_encode frames_unmask frames_utf8",
  frames_encode: "protocol transport",
  frames_unmask: "",
  frames_utf8: "",
  sample: "",
  introducer: "protocol backplane sample buffers clock counters dialects limits log token_bucket transport",
  departed_socket: "clock transport",
  seeker: "protocol departed_socket buffers clock counters limits transport",
  pipe: "protocol buffers clock counters limits token_bucket transport",
  settling_socket: "protocol clock limits transport",
  backplane: "seeker transport",
  broker: "protocol backplane log pipe seeker settling_socket transport",
  guard: "protocol log",
  deno_socket: "protocol clock guard limits log transport",
  deno_transport: "clock deno_socket limits log refusal transport",
  liveness: "clock limits",
  ws_socket: "protocol clock frames_encode guard limits liveness log transport",
  memory_pool: "frames_unmask limits transport",
  write_queue: "limits memory_pool transport",
  wire: "memory_pool transport",
  stream_wire: "limits memory_pool transport wire",
  read_turns: "limits",
  tcp_reader: "limits memory_pool read_turns",
  tcp_wire: "memory_pool tcp_reader transport wire write_queue",
  tcp_stream: "clock limits memory_pool tcp_wire wire",
  wire_socket: "protocol clock frames frames_encode guard limits liveness log memory_pool transport wire",
  ws_transport:
    "clock config limits log memory_pool read_turns refusal stream_wire tcp_stream tcp_wire tls transport wire_socket " +
    "ws_socket",
  "page/assets": "page/client.js page/favicon.svg page/page.css page/page.js page/scripts/conversation.js " +
    "page/scripts/copy.js page/scripts/demo.js page/scripts/duration.js page/scripts/numbers.js " +
    "page/scripts/panel.js page/scripts/peer.js page/scripts/wire.js",
  "backplane/bus": "",
  "backplane/loss": "",
  "backplane/subjects": "",
  "backplane/messages": "protocol backplane/wire",
  "backplane/wire": "protocol transport",
  "backplane/splice_reader": "frames_encode transport",
  "backplane/neighbor": "limits",
  "backplane/remote_socket":
    "protocol clock frames_encode limits transport backplane/loss backplane/neighbor backplane/splice_reader " +
    "backplane/wire",
  "backplane/links":
    "protocol clock counters limits log backplane/bus backplane/loss backplane/neighbor backplane/remote_socket backplane/wire",
  "backplane/matches":
    "backplane clock limits seeker backplane/bus backplane/links backplane/messages backplane/subjects backplane/wire",
  "backplane/interests":
    "backplane clock limits sample seeker backplane/bus backplane/messages backplane/subjects backplane/wire",
  "backplane/shared_backplane":
    "backplane clock counters log seeker backplane/bus backplane/interests backplane/links backplane/matches " +
    "backplane/messages backplane/wire",
  "backplane/nats_options": "limits tls",
  "backplane/nats_bus":
    "backplane clock counters drain guard limits log backplane/bus backplane/nats_options backplane/subjects",
  nats_backplane: "backplane backplane/nats_bus backplane/shared_backplane",
  "page/page": "protocol backplane page/index.html page/scripts/duration.js",
  server:
    "admission backplane nats_backplane seeker broker buffers clock config counters deno_transport drain introducer limits log loop_delay metrics " +
    "page/assets page/page refusal router tls tokens transport ws_transport",
  mod: "config page/page server",
  self_probe: "limits",
  relay_process: "backplane clock config guard limits log machine self_probe server watchdog",
};

/** The client's door, and what those who build on it need besides. */
const CLIENT = ["src/client/mod.ts", "src/client/environment.ts", "src/client/options.ts"];

/** Houses of their own, by folder and door: their files may know each other, the protocol, and these guests. */
const HOUSES: [folder: string, door: string, ...guests: string[]][] = [
  ["src/automerge/", "src/automerge/mod.ts", ...CLIENT, "src/message_stream.ts"],
  ["src/client/", "src/client/mod.ts"],
  ["src/check/", "src/check.ts", "src/client/relay_url.ts"],
  ["src/yjs/", "src/yjs/mod.ts", ...CLIENT, "src/client/emitter.ts", "src/message_stream.ts"],
];

/** Their packages are optional: who uses no adapter installs none of them. */
const ADAPTERS = /^src\/(automerge|yjs)\//;

/** From each file to all that it may import, besides the packages that {@link PACKAGES} allows. */
const MAY_IMPORT: Record<string, string[]> = {
  "main.ts": ["src/check.ts", "src/protocol.ts", "src/server/config.ts", "src/server/process/run.ts"],
  "src/message_stream.ts": ["src/client/mod.ts"],
  "src/pack.ts": [],
  "src/protocol.ts": [],
  ...Object.fromEntries(Object.entries(ROOMS).map(([room, others]) => [pathOf(room), others.split(" ").map(pathOf)])),
};

const WS = ["src/server/transport/tcp/ws_socket.ts", "src/server/transport/tcp/transport.ts"];

/** Packages, and the files that may use them. */
const PACKAGES: Record<string, string[]> = {
  "@nats-io/transport-node": ["src/server/backplane/nats_bus.ts", "src/server/backplane/nats_options.ts"],
  "@logtape/logtape": ["src/server/core/log.ts"],
  "@std/async/deadline": ["src/check/deadline.ts"],
  "@std/cli/parse-args": ["src/server/config.ts", "src/check"],
  "@std/http/etag": ["src/server/page/assets.ts"],
  "@std/http/negotiation": ["src/server/page/page.ts"],
  "@std/msgpack": ["src/check"],
  "node:buffer": [
    ...[
      "src/server/discovery/messagepack.ts",
      "src/server/backplane/",
      "src/server/frames",
      "src/server/transport/tcp/stream.ts",
      "src/server/core/tls.ts",
      "src/server/http/tokens.ts",
      "src/server/transport/transport.ts",
      "src/server/transport/tcp/socket.ts",
      ...WS,
    ],
  ],
  "eventemitter3": ["src/automerge/relay_network_adapter.ts"],
  "jsonwebtoken": ["src/server/http/tokens.ts"],
  "node:crypto": [
    "src/server/backplane/nats_options.ts",
    "src/server/backplane/subjects.ts",
    "src/server/page/assets.ts",
    "src/server/core/tls.ts",
    "src/server/http/tokens.ts",
    "src/server/transport/tcp/transport.ts",
  ],
  "node:fs": ["src/server/process/machine.ts"],
  "node:http": ["src/server/transport/tcp/transport.ts"],
  "node:https": ["src/server/transport/tcp/transport.ts"],
  "node:net": ["src/server/backplane/nats_options.ts", "src/server/transport/tcp/transport.ts"],
  "node:process": ["src/server/process/machine.ts"],
  "node:stream": ["src/server/transport/tcp/stream_wire.ts", "src/server/transport/tcp/stream.ts", ...WS],
  "node:timers": [
    "src/server/core/clock.ts",
    "src/server/transport/tcp/reader.ts",
    "src/server/transport/tcp/ws_socket.ts",
  ],
  "prom-client": ["src/server/metrics/metrics.ts"],
  "ws": WS,
  "y-protocols/awareness": ["src/yjs/"],
  "yjs": ["src/yjs/"],
};

Deno.test("every file of the house imports only what the table allows", async () => {
  const wrong: string[] = [];
  const files = await Array.fromAsync(sources());
  for (const file of files) {
    const allowed = allowedFor(file, files);
    if (allowed === undefined) wrong.push(`${file} has no line in the table`);
    else {wrong.push(
        ...(await importsOf(file)).filter((path) => !allowed.has(path)).map((path) => `${file} -> ${path}`),
      );}
  }
  assertEquals(wrong, []);
});

Deno.test("the table names only files that exist, and has no cycle", async () => {
  const files = await Array.fromAsync(sources());
  assertEquals(Object.keys(MAY_IMPORT).filter((file) => !files.includes(file)), []);
  assertEquals(Object.keys(MAY_IMPORT).filter((file) => reaches(file, file, new Set())), []);
});

Deno.test("neither relay nor client load what only the adapters for other libraries need", async () => {
  for (const door of ["main.ts", "src/client/mod.ts", "src/server/mod.ts"]) {
    const loaded = await loadedBy(door);
    assertEquals(loaded.has("src/protocol.ts"), true);
    assertEquals([...loaded].filter((file) => ADAPTERS.test(file)), [], door);
  }
});

Deno.test("only the Deno transport upgrades or serves, and main.ts stays under 60 lines", async () => {
  const callers: string[] = [];
  for await (const file of sources()) {
    // Calls, not mentions in comments.
    if (/^(?!\s*\*).*Deno\.(serve|upgradeWebSocket)\(/m.test(await read(file))) callers.push(file);
  }
  assertEquals(callers, ["src/server/transport/deno/transport.ts"]);
  assertEquals((await read("main.ts")).split("\n").length < 60, true);
});

function pathOf(room: string): string {
  if (room === "protocol") return "src/protocol.ts";
  return `src/server/${room}${room.includes(".") ? "" : ".ts"}`;
}

function allowedFor(file: string, files: string[]): Set<string> | undefined {
  const packages = Object.keys(PACKAGES).filter((name) => PACKAGES[name].some((user) => file.startsWith(user)));
  const house = HOUSES.find(([folder, door]) => file.startsWith(folder) || file === door);
  const isFamily = (other: string) => house?.includes(other) || other.startsWith(house?.[0] ?? "?");
  const rooms = house === undefined ? MAY_IMPORT[file] : ["src/protocol.ts", ...files.filter(isFamily)];
  return rooms === undefined ? undefined : new Set([...rooms, ...packages]);
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

function reaches(from: string, target: string, seen: Set<string>): boolean {
  return (MAY_IMPORT[from] ?? []).some((next) => {
    if (next === target) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return reaches(next, target, seen);
  });
}
