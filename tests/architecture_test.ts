/** The house has one way through: who may import whom, as a table. A file without a line in it fails. */

import { assertEquals } from "@std/assert";
import { dirname, join, relative } from "@std/path";

const ROOT = new URL("..", import.meta.url).pathname;

/** From each file to all that it may import, besides packages and `node:` modules that {@link PACKAGES} allows. */
const MAY_IMPORT: Record<string, string[]> = {
  "main.ts": ["src/check.ts", "src/protocol.ts", "src/server/config.ts", "src/server/relay_process.ts"],
  "src/check.ts": [],
  "src/protocol.ts": [],
};

const server = (file: string, ...rooms: string[]) => {
  MAY_IMPORT[`src/server/${file}.ts`] = rooms.map((room) =>
    room === "protocol" ? "src/protocol.ts" : `src/server/${room}.ts`
  );
};

server("limits");
server("clock");
server("log");
server("machine");
server("refusal");
server("transport", "protocol");
server("token_bucket", "clock");
server("config", "log");
server("tls", "config");
server("dialects", "protocol", "transport");
server("router", "protocol", "refusal");
server("buffers", "clock", "limits");
server("watchdog", "clock", "limits");
server("drain", "protocol", "clock", "limits", "transport");
server("tokens", "config", "tls");
server("admission", "clock", "config", "limits", "refusal", "tokens");
server("introducer", "protocol", "buffers", "clock", "dialects", "limits", "log", "token_bucket", "transport");
server("seeker", "protocol", "buffers", "clock", "limits", "transport");
server("pipe", "protocol", "buffers", "clock", "limits", "token_bucket", "transport");
server("settling_socket", "protocol", "clock", "limits", "transport");
server("broker", "protocol", "log", "pipe", "seeker", "settling_socket", "transport");
server("page/page", "protocol");
MAY_IMPORT["src/server/page/page.ts"].push("src/server/page/index.html");
server("guard", "protocol", "log");
server("deno_socket", "protocol", "clock", "guard", "limits", "log", "transport");
server("ws_socket", "protocol", "clock", "guard", "limits", "log", "transport");
server("ws_transport", "clock", "limits", "log", "refusal", "tls", "transport", "ws_socket");
server("deno_transport", "clock", "deno_socket", "limits", "log", "refusal", "transport");
server(
  "server",
  ...["admission", "broker", "buffers", "clock", "config", "deno_transport", "drain", "introducer", "log", "page/page"],
  ...["refusal", "router", "tls", "tokens", "transport", "ws_transport"],
);
server("mod", "config", "page/page", "server");
server("relay_process", "clock", "config", "limits", "log", "machine", "server", "watchdog");

const WS = ["src/server/ws_socket.ts", "src/server/ws_transport.ts"];

/** Packages, and the files that may use them. */
const PACKAGES: Record<string, string[]> = {
  "@logtape/logtape": ["src/server/log.ts"],
  "@std/cli/parse-args": ["src/server/config.ts"],
  "@std/http/negotiation": ["src/server/page/page.ts"],
  "@std/msgpack": ["src/server/dialects.ts"],
  "node:buffer": ["src/server/dialects.ts", "src/server/tokens.ts", "src/server/transport.ts", ...WS],
  "jsonwebtoken": ["src/server/tokens.ts"],
  "node:crypto": ["src/server/tokens.ts"],
  "node:fs": ["src/server/machine.ts"],
  "node:http": ["src/server/ws_transport.ts"],
  "node:https": ["src/server/ws_transport.ts"],
  "node:net": ["src/server/ws_transport.ts"],
  "node:process": ["src/server/machine.ts"],
  "node:stream": ["src/server/ws_transport.ts"],
  "ws": WS,
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

Deno.test("only the Deno transport upgrades or serves, and main.ts stays under 60 lines", async () => {
  const callers: string[] = [];
  for await (const file of sources()) {
    // Calls, not mentions in comments.
    if (/^(?!\s*\*).*Deno\.(serve|upgradeWebSocket)\(/m.test(await read(file))) callers.push(file);
  }
  assertEquals(callers, ["src/server/deno_transport.ts"]);
  assertEquals((await read("main.ts")).split("\n").length < 60, true);
});

function allowedFor(file: string, files: string[]): Set<string> | undefined {
  // The client is one house of its own: its files may know each other and the protocol, and nothing else.
  const isClient = (file: string) => file.startsWith("src/client/");
  if (isClient(file)) return new Set(["src/protocol.ts", ...files.filter(isClient)]);
  const rooms = MAY_IMPORT[file];
  if (rooms === undefined) return;
  const packages = Object.keys(PACKAGES).filter((name) => PACKAGES[name].includes(file));
  return new Set([...rooms, ...packages]);
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
