/** `relay check`: what it says of relays that work, of those that do not, and of what is no relay. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import jsonwebtoken from "jsonwebtoken";
import { createHash, generateKeyPairSync } from "node:crypto";
import { check } from "../../src/check/mod.ts";
import { RelayAddress } from "../../src/check/address.ts";
import { type Difference, difference, type Frame } from "../../src/check/sides/frames.ts";
import { reachable, trusted } from "../../src/check/steps/reach.ts";
import { jsonOf, linesOf, type Report } from "../../src/check/report.ts";
import { Fault, type Step, STEP_NAMES } from "../../src/check/steps/step.ts";
import { variableNames } from "../../src/server/config.ts";
import { Peer } from "../helpers/peer.ts";
import { type Listening, spawnRelay, startRelay } from "../helpers/process.ts";
import { startAncestor } from "../helpers/released.ts";
import { TRANSPORTS } from "../helpers/transports.ts";

const ROOT = new URL("../..", import.meta.url);
const PLAIN_STEPS = STEP_NAMES.filter((name) => name !== "TLS");
const CLASSIC = "not spoken: each conversation takes a socket of its own";
const NO_ENVIRONMENT = () => undefined;
/** For relays that answer: a busy machine may take longer than the default allows. */
const PATIENCE_SECONDS = 20;
/** For those that never answer: what a step waits in vain, and what all others must not take on a busy machine. */
const VAIN_SECONDS = 2;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the check in this process, so that the sanitizers see what it leaves open. */
async function run(args: string[], env: (name: string) => string | undefined = NO_ENVIRONMENT): Promise<Outcome> {
  const { log, error } = console;
  const printed = { stdout: "", stderr: "" };
  console.log = (line) => printed.stdout += `${line}\n`;
  console.error = (line) => printed.stderr += `${line}\n`;
  try {
    return { code: await check(args, env), ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}

/** Runs the check as a process of its own, with no more permissions than it needs: those of `deno task start` suffice. */
async function runProcess(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const variables = args.some((arg) => /^\w+:/.test(arg)) ? "DENO_CERT" : variableNames();
  const permissions = ["--no-prompt", "--allow-net", `--allow-env=${variables}`];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, "main.ts", "check", ...args],
    cwd: ROOT,
    env,
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function report(...args: string[]): Promise<Report & { code: number }> {
  const { code, stdout, stderr } = await run(["--timeout", `${PATIENCE_SECONDS}`, ...args, "--json"]);
  assertEquals(stderr, "");
  return { code, ...JSON.parse(stdout) };
}

/** The marks that are not "ok". */
function troubles({ steps }: Report): Record<string, string> {
  return Object.fromEntries(steps.filter(({ mark }) => mark !== "ok").map(({ name, mark }) => [name, mark]));
}

/** The one step that failed. */
function failure({ code, ok, steps }: Report & { code: number }): Step {
  const failed = steps.filter(({ mark }) => mark === "failed");
  assertEquals([code, ok, failed.length], [1, false, 1], Deno.inspect(steps));
  return failed[0];
}

/** Answers every request in the same way. */
function serve(answer: (request: Request) => Response) {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
}

async function startTlsRelay(args: string[], env: Record<string, string> = {}): Promise<Listening> {
  const port = (line: string) => Number(/^🐟 Listening at https?:.*:(\d+)$/.exec(line)?.[1]) || undefined;
  return await spawnRelay(["--port", "0", ...args], { env }).listening(port);
}

async function selfSigned(): Promise<{ cert: string; key: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const isLeaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
  const args = ["req", ...options, ...subject, ...isLeaf, "-out", cert, "-keyout", key];
  const { success } = await new Deno.Command("openssl", { args, stderr: "null" }).output();
  assertEquals(success, true, "openssl cannot make a certificate");
  return { cert, key, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

// Relays that work

Deno.test("of our relay everything works, without waiting for anything, and nothing stays open", async () => {
  await using relay = await startRelay();
  const found = await report(relay.url);
  assertEquals([found.code, found.ok, troubles(found)], [0, true, {}]);
  assertEquals(found.steps.map(({ name }) => name), PLAIN_STEPS);
  assertEquals(found.steps.at(-1)!.protocol, 5);
  assertEquals(found.durationMs < PATIENCE_SECONDS * 1000, true, `it took ${found.durationMs} ms`);
  assertEquals((await (await fetch(relay.http, { headers: { accept: "application/json" } })).json()).connections, 0);
});

Deno.test("without a URL it checks the relay at PORT, with no permissions but net and the relay's variables", async () => {
  await using relay = await startRelay();
  const { code, stdout, stderr } = await runProcess(["--timeout", `${PATIENCE_SECONDS}`], { PORT: `${relay.port}` });
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, new RegExp(`^relay check ws://127.0.0.1:${relay.port}\n\n✓ reachable +[\\d.]+ ms  @localfirst/`));
  assertMatch(stdout, /\n✓ latency +[\d.]+ ms {2}p50 [\d.]+ ms, p99 [\d.]+ ms: 100 round trips from peer to peer/);
  assertMatch(stdout, /\n✓ close +[\d.]+ ms {2}4321 "check is done" came across\n/);
  assertMatch(
    stdout,
    /\n✓ protocol 5 +[\d.]+ m?s {2}spoken: all in one socket each, \d+ frames each way, unchanged, and 1 MiB\n\n✓ Everything/,
  );
  assertMatch(stdout, /\n✓ Everything works. \([\d.]+ m?s\)\n$/);
  assertEquals(stdout.split("\n").length, PLAIN_STEPS.length + 5);
});

Deno.test("of relay 3.6.2 all that is needed works; what it does to held frames and closes are warnings", async () => {
  await using relay = await startAncestor(3);
  const found = await report(relay.url);
  assertEquals([found.code, troubles(found)], [0, { "held frames": "warning", "close": "warning" }]);
  const [held, close, multiplexed] = found.steps.slice(-3);
  assertEquals([multiplexed.detail, multiplexed.protocol], [CLASSIC, undefined]);
  assertStringIncludes(held.got!, String.raw`text "\"held 🎉\"" (11 bytes) in place of text "held 🎉" (9 bytes)`);
  assertEquals(close.got, "no code");
  const { stdout } = await run([relay.url, "--timeout", `${PATIENCE_SECONDS}`]);
  assertMatch(stdout, /\n⚠ held frames .*\n {4}expected .*\n {4}got .*\n {4}to do .*\n⚠ close /);
  assertMatch(stdout, /\n⚠ Works, but not as it should: held frames, close. \(/);
});

Deno.test("of relay 4.2.2 the same, and it introduces in MessagePack only", async () => {
  await using relay = await startAncestor(4);
  const found = await report(relay.url);
  const warnings = { "introduction": "warning", "held frames": "warning", "close": "warning" };
  assertEquals([found.code, troubles(found), found.steps.at(-1)!.detail], [0, warnings, CLASSIC]);
  assertStringIncludes(found.steps.find(({ name }) => name === "held frames")!.got!, "binary a9 68 65 6c 64");
});

Deno.test("a relay that speaks protocol 5 and has no room for streams", async () => {
  await using relay = await startRelay(["--max-streams", "1"]);
  const { name, got, advice } = failure(await report(relay.url));
  assertEquals([name, got], ["protocol 5", 'the socket was closed with 1013 "relay is full"']);
  assertStringIncludes(advice!, "--max-streams");
});

Deno.test("a token is shown as the client shows it, and never printed", async () => {
  await using relay = await startRelay(["--token", "sesame", "--token", "mellon"]);
  const missing = failure(await report(relay.url));
  assertEquals(missing.name, "WebSocket");
  assertEquals(missing.got, 'HTTP 401: "Cannot connect: want a valid token, got none."');
  assertStringIncludes(missing.advice!, "give it with --token");
  const wrong = failure(await report(relay.url, "--token", "wrong"));
  assertStringIncludes(wrong.got!, "got another one");
  assertStringIncludes(wrong.advice!, "none of the relay's");
  for (const args of [[relay.url, "--token", "sesame"], [`${relay.url}/?token=sesame`]]) {
    const { code, stdout } = await run(args);
    assertEquals([code, stdout.includes("sesame")], [0, false]);
  }
  const { code, stdout } = await run([`${relay.url}/t/mellon/`]);
  assertEquals([code, stdout.includes("mellon"), stdout.includes(`${relay.url}/t/...`)], [0, false, true]);
});

Deno.test("who shows a JWT, which is for one peer, is told that the check acts as two", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, publicKey.export({ type: "spki", format: "pem" }) as string);
  await using relay = await startRelay(["--jwt-key", path]);
  await Deno.remove(path);
  const token = jsonwebtoken.sign({ sub: "alice" }, privateKey, { algorithm: "ES256" });
  assertStringIncludes(failure(await report(relay.url, "--token", token)).advice!, "The token is a JWT, for one peer");
});

Deno.test("takes every form of a URL that the client takes", () => {
  const shown = (url: string) => `${new RelayAddress(url)}`;
  assertEquals(["localhost:8080", "127.0.0.1", "[::1]:80/"].map(shown), [
    "ws://localhost:8080",
    "ws://127.0.0.1",
    "ws://[::1]",
  ]);
  assertEquals(["relay.example", "https://u:p@relay.example/", "wss://relay.example/base/?token=x"].map(shown), [
    "wss://relay.example",
    "wss://relay.example",
    "wss://relay.example/base",
  ]);
  const address = new RelayAddress("https://relay.example/base/?a=b", "x y");
  assertEquals(address.socket("/introduction/id"), "wss://relay.example/base/introduction/id?a=b&token=x+y");
  assertEquals(address.page("/readyz"), "https://relay.example/base/readyz?a=b&token=x+y");
  assertEquals([address.hostname, address.port, new RelayAddress("http://[::1]").port], ["relay.example", 443, 80]);
  assertEquals(new RelayAddress("http://[::1]").hostname, "::1");
});

// Addresses without a relay

Deno.test("a dead address: nothing listens, and the rest is not tried", async () => {
  using dead = await deadPort();
  const { code, stdout } = await run([`127.0.0.1:${dead.port}`]);
  assertEquals(code, 1);
  assertMatch(stdout, /\n✗ reachable .*\n {4}expected +an answer from ws:.*\n {4}got +.*Connection refused/);
  assertMatch(
    stdout,
    /\n {4}to do +Nothing listens there.*\n\n✗ Does not work: reachable. \(.*\)\n– Not tried: WebSocket, /,
  );
});

Deno.test("what the runtime says about a connection or a certificate becomes something to do", async () => {
  const address = new RelayAddress("wss://relay.example");
  const connecting: [message: string, advice: RegExp][] = [
    ["dns error: failed to lookup address information: Name or service not known", /no such host/],
    ["tcp connect error: Network is unreachable (os error 101)", /check the network/],
    ["connection closed before message completed", /hangs up/],
    ["Fetch failed: Requests to port 9 are blocked", /use another/],
    ["something new", /Check host, port and network/],
  ];
  for (const [message, advice] of connecting) {
    const fault = await assertRejects(() => reachable(address, new Error(message)), Fault, message);
    assertMatch(fault.trouble.advice, advice);
  }
  const tls: [message: string, advice: RegExp][] = [
    ["invalid peer certificate: certificate expired: verification time 1 (UNIX)", /Renew/],
    ["received fatal alert: HandshakeFailure", /TLS settings/],
  ];
  for (const [message, advice] of tls) {
    assertEquals((await reachable(address, new Error(message))).mark, "ok");
    const fault = assertThrows(() => trusted(address, new Error(message)), Fault, message);
    assertMatch(fault.trouble.advice, advice);
  }
});

Deno.test("a server that takes connections and is silent is given up in time, with and without TLS", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const startedAt = performance.now();
  const plain = failure(await report(`ws://127.0.0.1:${port}`, "--timeout", "0.3"));
  assertEquals([plain.name, plain.got], ["reachable", "no answer in 300 ms"]);
  assertStringIncludes(plain.advice!, "takes connections but is silent");
  assertEquals(failure(await report(`wss://127.0.0.1:${port}`, "--timeout", "0.3")).name, "reachable");
  const byDefault = 4000; // milliseconds
  assertEquals(performance.now() - startedAt < 2 * byDefault, true);
});

Deno.test("a server that speaks something else", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH\r\n"));
    await connection.read(new Uint8Array(1024));
  })();
  const { name, advice } = failure(await report(`127.0.0.1:${listener.addr.port}`));
  assertEquals(name, "reachable");
  assertMatch(advice!, /speaks no HTTP/);
  await serving;
});

Deno.test("web servers and proxies that are no relay: each status with what to do about it", async () => {
  const cases: [status: number, headers: Record<string, string>, got: RegExp, advice: RegExp][] = [
    [200, { "content-type": "text/html" }, /^HTTP 200$/, /A web server answers here, but no relay/],
    [301, { location: "https://elsewhere.example/" }, /^HTTP 301/, /redirects to: https:\/\/elsewhere\.example\/\./],
    [400, {}, /^HTTP 400: "No\."$/, /does not pass WebSocket upgrades/],
    [403, {}, /^HTTP 403/, /refuses this client/],
    [404, {}, /^HTTP 404/, /no relay at this address/],
    [418, {}, /^HTTP 418/, /log of the relay/],
    [426, {}, /^HTTP 426/, /does not pass WebSocket upgrades/],
    [429, { "retry-after": "7" }, /^HTTP 429/, /try again later, in 7 s/],
    [502, {}, /^HTTP 502/, /does not reach the relay/],
    [503, {}, /^HTTP 503/, /full or restarting: try again later;/],
  ];
  let current = cases[0];
  await using server = serve(() => {
    const [status, headers] = current;
    return new Response("No.\n", { status, headers: { "content-type": "text/plain", ...headers } });
  });
  for (current of cases) {
    const { name, got, advice } = failure(await report(`127.0.0.1:${server.addr.port}`));
    assertEquals(name, "WebSocket");
    assertMatch(got!, current[2]);
    assertMatch(advice!, current[3]);
  }
});

Deno.test("an upgrade that hangs is given up in time", async () => {
  const waiting = Promise.withResolvers<void>();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      if (request.headers.has("upgrade")) await waiting.promise;
      return new Response("at last");
    },
  );
  const { name, got } = failure(await report(`127.0.0.1:${server.addr.port}`, "--timeout", `${VAIN_SECONDS}`));
  assertEquals([name, got], ["WebSocket", `nothing in ${VAIN_SECONDS} s`]);
  waiting.resolve();
});

Deno.test("sockets that open and then neither speak nor close end the check in time", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const connections = mute(listener);
  const startedAt = performance.now();
  const url = `127.0.0.1:${listener.addr.port}`;
  const { code, stdout } = await runProcess([url, "--json", "--timeout", `${VAIN_SECONDS}`]);
  const seconds = (performance.now() - startedAt) / 1000;
  assertEquals([code, seconds < 3 * VAIN_SECONDS + PATIENCE_SECONDS], [1, true], `it took ${seconds} s`);
  const { introduction, pairing, text } = troubles(JSON.parse(stdout));
  assertEquals([introduction, pairing, text], ["failed", "failed", "skipped"]);
  for (const connection of connections) connection.close();
});

/** Accepts upgrades and never says anything again, not even a close. Answers pages. */
function mute(listener: Deno.TcpListener): Deno.TcpConn[] {
  const connections: Deno.TcpConn[] = [];
  const greet = async (connection: Deno.TcpConn) => {
    const buffer = new Uint8Array(4096);
    const head = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
    const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1];
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const upgrade =
      `101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}`;
    const answer = `HTTP/1.1 ${key ? upgrade : "200 OK\r\ncontent-length: 0"}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(answer));
  };
  (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      greet(connection).catch(() => {});
    }
  })().catch(() => {}); // the listener was closed
  return connections;
}

Deno.test("a full relay: it is refused with the relay's own sentence", async () => {
  await using relay = await startRelay(["--max-connections", "1"]);
  await using _somebody = await Peer.open(`${relay.url}/introduction/somebody`);
  const { name, got, advice } = failure(await report(relay.url));
  assertEquals(name, "WebSocket");
  assertMatch(got!, /^HTTP 503: "Cannot connect: the relay takes 1 sockets and is full\."$/);
  assertMatch(advice!, /full or restarting: try again later, in \d+ s; if it stays full, raise --max-connections/);
});

Deno.test("two places are all that a check takes at a time", async () => {
  await using relay = await startRelay(["--max-connections", "2"]);
  assertEquals((await report(relay.url)).code, 0);
});

// TLS

Deno.test("TLS: a certificate that nobody vouches for, one that is trusted, one for another name", async () => {
  await using files = await selfSigned();
  await using relay = await startTlsRelay(["--cert", files.cert, "--key", files.key]);
  const unknown = await report(`wss://localhost:${relay.port}`);
  assertEquals(unknown.steps.slice(0, 3).map(({ name, mark }) => [name, mark]), [
    ["reachable", "ok"],
    ["TLS", "failed"],
    ["WebSocket", "skipped"],
  ]);
  assertStringIncludes(failure(unknown).got!, "UnknownIssuer");
  assertStringIncludes(failure(unknown).advice!, "DENO_CERT");
  const trusting = { DENO_CERT: files.cert };
  const trusted = await runProcess([`https://localhost:${relay.port}`, "--json"], trusting);
  assertEquals([trusted.code, troubles(JSON.parse(trusted.stdout))], [0, {}]);
  assertEquals(JSON.parse(trusted.stdout).steps.map(({ name }: Step) => name), STEP_NAMES);
  const misnamed = await runProcess([`wss://127.0.0.1:${relay.port}`, "--json"], trusting);
  const { advice } = failure({ ...JSON.parse(misnamed.stdout), code: misnamed.code });
  assertStringIncludes(advice!, "for another name");
  const plain = failure(await report(`ws://127.0.0.1:${relay.port}`));
  assertStringIncludes(plain.advice!, "use wss://");
});

Deno.test("wss:// where the relay speaks no TLS", async () => {
  await using relay = await startRelay();
  const { name, advice } = failure(await report(`wss://127.0.0.1:${relay.port}`));
  assertEquals(name, "TLS");
  assertStringIncludes(advice!, "use ws://");
});

// --ready

Deno.test("--ready asks only whether the relay is ready", async () => {
  let paths: string[] = [];
  let status = 200;
  await using server = serve((request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(status === 200 ? "ready\n" : "draining\n", { status });
  });
  const ready = await run(["--ready"], (name) => name === "PORT" ? `${server.addr.port}` : undefined);
  assertEquals([ready.code, paths], [0, ["/readyz"]]);
  assertMatch(ready.stdout, /\n✓ ready +[\d.]+ ms {2}HTTP 200: "ready"\n\n✓ Everything works/);
  [status, paths] = [503, []];
  const draining = await report("--ready", `http://127.0.0.1:${server.addr.port}/base/`);
  assertEquals([failure(draining).got, paths], ['HTTP 503: "draining"', ["/base/readyz"]]);
  assertEquals(draining.steps.map(({ name }) => name), ["ready"]);
});

Deno.test("--ready of a relay without such a page, of a dead and of a silent address", async () => {
  await using ancestor = await startAncestor(3);
  assertStringIncludes(failure(await report(ancestor.url, "--ready")).advice!, "check others without --ready");
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const silent = `ws://127.0.0.1:${listener.addr.port}`;
  assertEquals(failure(await report(silent, "--ready", "--timeout", "0.2")).got, "no answer in 200 ms");
  using dead = await deadPort();
  const { advice } = failure(await report(`ws://127.0.0.1:${dead.port}`, "--ready"));
  assertStringIncludes(advice!, "Nothing listens there");
});

Deno.test("--live asks only whether the process lives: a relay that drains or is cut off does", async () => {
  const paths: string[] = [];
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    return new Response("", { status: pathname === "/healthz" ? 200 : 503 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const live = await report("--live", url);
  assertEquals([live.code, live.steps.map(({ name }) => name), paths], [0, ["live"], ["/healthz"]]);
  assertEquals(failure(await report("--ready", url)).name, "ready");
});

/** How a relay may be set up in its container, with the certificate that it is given, whatever name that is for. */
const NEIGHBORS: [what: string, env: (files: { cert: string; key: string }) => Record<string, string>][] = [
  ["PORT alone", () => ({})],
  ["a certificate", ({ cert, key }) => ({ RELAY_CERT: cert, RELAY_KEY: key })],
  ["one interface", () => ({ HOST: "127.0.0.2" })],
  ["one interface, of IPv6, and a certificate", ({ cert, key }) => ({ HOST: "::1", RELAY_CERT: cert, RELAY_KEY: key })],
  ["all interfaces, of IPv6 too", () => ({ HOST: "::" })],
  ["a host that has a name", () => ({ HOST: "localhost" })],
  ["a token", () => ({ RELAY_TOKENS: "sesame" })],
];

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: the relay beside the check is found by its own variables`, async (t) => {
    await using files = await selfSigned();
    for (const [what, environment] of NEIGHBORS) {
      await t.step(what, async () => {
        const env: Record<string, string> = { RELAY_TRANSPORT: transport, ...environment(files) };
        await using relay = await startTlsRelay([], env);
        env.PORT = `${relay.port}`;
        for (const probe of ["--live", "--ready"]) {
          const { code, stdout } = await run([probe, "--timeout", `${PATIENCE_SECONDS}`], (name) => env[name]);
          assertEquals(code, 0, stdout);
        }
      });
    }
  });

  Deno.test(`${transport}: a relay that hangs does not live, with and without TLS`, async () => {
    await using files = await selfSigned();
    for (const flags of [[], ["--cert", files.cert, "--key", files.key]]) {
      await using relay = await startTlsRelay(["--transport", transport, ...flags]);
      const args = ["--live", "--port", `${relay.port}`, ...flags];
      relay.signal("SIGSTOP");
      assertEquals((await run([...args, "--timeout", "0.5"])).code, 1);
      relay.signal("SIGCONT");
      // As in the image, with no permissions but those of the relay.
      const { code, stdout } = await runProcess([...args, "--timeout", `${PATIENCE_SECONDS}`]);
      assertEquals(code, 0, stdout);
    }
  });
}

Deno.test("the relay beside the check is found by its own flags", async () => {
  await using files = await selfSigned();
  const flags = ["--host", "127.0.0.2", "--cert", files.cert, "--key", files.key];
  await using relay = await startTlsRelay(flags);
  const { code, stdout } = await runProcess(["--ready", "--port", `${relay.port}`, ...flags]);
  assertEquals(code, 0, stdout);
});

Deno.test("the relay beside the check is asked directly, also where a proxy is set for everything, as Docker does", async () => {
  await using relay = await startRelay();
  const proxy = "http://127.0.0.1:1";
  const env = { PORT: `${relay.port}`, HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy };
  for (const probe of ["--live", "--ready"]) {
    const { code, stdout } = await runProcess([probe], env);
    assertEquals(code, 0, stdout);
  }
});

Deno.test("a relay that is cut off from NATS lives, and is not ready", async () => {
  await using relay = await startRelay(["--nats", "nats://127.0.0.1:1"]);
  const PORT = `${relay.port}`;
  assertEquals([(await runProcess(["--live"], { PORT })).code, (await runProcess(["--ready"], { PORT })).code], [0, 1]);
});

Deno.test("the image asks whether the relay lives", async () => {
  const dockerfile = await Deno.readTextFile(new URL("Dockerfile", ROOT));
  assertMatch(dockerfile, /^HEALTHCHECK .* CMD \["\/relay", "check", "--live"\]$/m);
});

/** One where nobody listens, and nobody else will meanwhile: a connection has it. */
async function deadPort(): Promise<{ port: number } & Disposable> {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const connection = await Deno.connect({ port: listener.addr.port, hostname: "127.0.0.1" });
  return { port: connection.localAddr.port, [Symbol.dispose]: () => connection.close() };
}

// Arguments and output

Deno.test("an argument that cannot be used is one sentence and exit code 2", async () => {
  const cases: [args: string[], sentence: string][] = [
    [["--frob"], "Cannot parse --frob: want one of the flags that --help lists."],
    [["a", "b"], 'Cannot check "b": want one URL, got another before.'],
    [["ftp://x"], 'Cannot check "ftp://x": want a URL such as localhost:8080 or wss://relay.example.com.'],
    [[""], 'Cannot check "": want a URL such as localhost:8080 or wss://relay.example.com.'],
    [["--timeout", "x"], 'Cannot parse --timeout: want seconds, more than 0 and up to 600, got "x".'],
    [["--timeout=0"], 'Cannot parse --timeout: want seconds, more than 0 and up to 600, got "0".'],
    [["--timeout"], 'Cannot parse --timeout: want seconds, more than 0 and up to 600, got "".'],
    [["--token"], "Cannot parse --token: want a text, got none."],
    [["--port", "x"], 'Cannot parse --port: want an integer from 0 to 65535, got "x".'],
    [["--port", "1", "ws://x"], "Cannot use --port with a URL: want one of them, got both."],
    [["--cert", "c.pem"], "Cannot use --cert alone: want --key with it, got none."],
  ];
  for (const [args, sentence] of cases) {
    assertEquals(await run(args), { code: 2, stdout: "", stderr: `${sentence}\n` });
  }
  const badPort = await run([], (name) => name === "PORT" ? "80a" : undefined);
  assertEquals([badPort.code, badPort.stderr], [
    2,
    'Cannot parse PORT: want an integer from 0 to 65535, got "80a".\n',
  ]);
});

Deno.test("--help says how to use it, and asks nobody", async () => {
  const { code, stdout } = await run(["--help", "ftp://x"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^Usage: relay check \[URL\] \[options\]\n/);
});

Deno.test("--json is one object of a fixed shape", async () => {
  await using relay = await startRelay();
  const { stdout } = await run(["--json", relay.url]);
  const { url, ok, durationMs, steps } = JSON.parse(stdout);
  assertEquals([url, ok, typeof durationMs], [relay.url, true, "number"]);
  for (const { name, mark, detail, durationMs } of steps) {
    assertEquals([typeof name, mark, typeof detail, typeof durationMs], ["string", "ok", "string", "number"]);
  }
  const { latency } = steps.find(({ name }: Step) => name === "latency");
  assertEquals(Object.keys(latency), ["p50Ms", "p99Ms", "roundTrips"]);
  assertEquals([latency.roundTrips, latency.p50Ms > 0, latency.p99Ms >= latency.p50Ms], [100, true, true]);
});

Deno.test("what a server says cannot steer the terminal", () => {
  const step: Step = { name: "WebSocket", mark: "failed", durationMs: 1, got: "\x1b[2J\u009b1m\r\n✓ fine" };
  assertEquals(linesOf(step), "✗ WebSocket       1 ms\n    got       �[2J�1m��✓ fine");
  assertEquals(jsonOf({ url: "", ok: false, durationMs: 0.123456, steps: [] }).includes("0.12,"), true);
});

// Relays that break one thing each

/** What a fake relay does otherwise than a relay should. */
interface Flaws {
  /** What becomes of a frame that crosses, behind those that crossed before. */
  forward?: (frame: Frame, before: Frame[]) => Frame[];
  /** What becomes of frames that were held. */
  held?: (frames: Frame[]) => Frame[];
  introduce?: (introduction: string) => string[];
  /** The close that reaches the other side; none: it hears of none. */
  close?: (code: number, reason: string) => [number, string] | undefined;
  pairs?: false;
}

/** A small relay, with flaws. */
function fakeRelay(flaws: Flaws = {}) {
  const joined: { id: string; documentId: string; socket: WebSocket }[] = [];
  const holding = new Map<string, { socket: WebSocket; frames: Frame[] }>();
  const { forward = (frame) => [frame], held = (frames) => frames, introduce = (text) => [text] } = flaws;
  const { close = (code, reason) => [code, reason] } = flaws;

  function welcome(id: string, socket: WebSocket): void {
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      const documentIds = JSON.parse(data).join;
      const tell = (to: WebSocket, userName: string) =>
        introduce(JSON.stringify({ type: "Introduction", userName, documentIds })).forEach((text) => to.send(text));
      for (const other of joined.filter(({ documentId }) => documentId === documentIds[0])) {
        tell(socket, other.id);
        tell(other.socket, id);
      }
      joined.push({ id, documentId: documentIds[0], socket });
    };
  }

  function connect(localId: string, remoteId: string, socket: WebSocket): void {
    const other = flaws.pairs === false ? undefined : holding.get(remoteId);
    const frames: Frame[] = [];
    socket.onmessage = ({ data }) => frames.push(frameOf(data));
    holding.set(localId, { socket, frames });
    if (other === undefined) return;
    for (const frame of held(other.frames)) socket.send(frame);
    pipe(socket, other.socket);
    pipe(other.socket, socket);
  }

  function pipe(from: WebSocket, to: WebSocket): void {
    const before: Frame[] = [];
    from.onmessage = ({ data }) => {
      if (to.readyState === 1) forward(frameOf(data), before).forEach((frame) => to.send(frame));
      before.push(frameOf(data));
    };
    from.onclose = ({ code, reason }) => {
      const crossing = close(code, reason);
      if (crossing === undefined || to.readyState !== 1) return;
      if (code === 1005) to.close();
      else to.close(...crossing);
    };
  }

  return serve((request) => {
    if (!request.headers.has("upgrade")) return new Response("a fake relay");
    const { socket, response } = Deno.upgradeWebSocket(request);
    const [kind, localId, remoteId] = new URL(request.url).pathname.slice(1).split("/");
    socket.onopen = () => kind === "introduction" ? welcome(localId, socket) : connect(localId, remoteId, socket);
    return response;
  });
}

function frameOf(data: string | ArrayBuffer): Frame {
  return typeof data === "string" ? data : new Uint8Array(data);
}

function isText(frame: Frame): frame is string {
  return typeof frame === "string";
}

async function reportOn(flaws: Flaws, ...args: string[]): Promise<Report & { code: number }> {
  await using server = fakeRelay(flaws);
  return await report(`127.0.0.1:${server.addr.port}`, ...args);
}

Deno.test("the fake relay has no flaws but those it is given", async () => {
  assertEquals(troubles(await reportOn({})), {});
});

Deno.test("text that comes as binary is a failure", async () => {
  const found = await reportOn({ forward: (frame) => [isText(frame) ? new TextEncoder().encode(frame) : frame] });
  const failed = { "text": "failed", "empty frames": "failed", "order": "failed", "close": "failed" };
  assertEquals([found.code, troubles(found)], [1, failed]);
  const { got, advice } = found.steps.find(({ name }) => name === "text")!;
  assertStringIncludes(
    got!,
    'binary 48 65 6c 6c 6f 21 20 f0 9f 8e 89 (11 bytes) in place of text "Hello! 🎉" (11 bytes)',
  );
  assertStringIncludes(advice!, "text into binary");
});

Deno.test("binary that comes as text is a failure", async () => {
  const found = await reportOn({ forward: (frame) => [isText(frame) ? frame : new TextDecoder().decode(frame)] });
  const names = ["binary", "empty frames", "order", "large message"];
  assertEquals(troubles(found), Object.fromEntries(names.map((name) => [name, "failed"])));
});

Deno.test("each flaw is found by the step that looks for it, and by no other", async () => {
  const swap = (frame: Frame, before: Frame[]) => {
    const text = isText(frame) ? frame : new TextDecoder().decode(frame);
    if (!/^\d+$/.test(text)) return [frame];
    return Number(text) % 2 === 0 ? [] : [frame, before.at(-1)!];
  };
  const cases: [Flaws, name: string, got: RegExp][] = [
    [{ forward: (frame) => frame === "null" ? [] : [frame] }, "text", /^4 of 5 frames$/],
    [{ forward: (frame) => frame === "null" ? [frame, frame] : [frame] }, "text", /^6 frames for 5$/],
    [{ forward: (frame) => [isText(frame) ? frame.replace("🎉", "?") : frame] }, "text", /^text "Hello! \?"/],
    [
      { forward: (frame) => [frame[0] === 0xc0 ? new Uint8Array(1) : frame] },
      "binary",
      /^binary 00 \(1 byte\) in place/,
    ],
    [{ forward: (frame) => frame.length === 0 ? [] : [frame] }, "empty frames", /^0 of 4 frames$/],
    [{ forward: (frame) => frame.length > 65_536 ? [] : [frame] }, "large message", /^0 of 1 frames$/],
    [
      { forward: (frame) => [isText(frame) ? frame : frame.slice(0, 65_536)] },
      "large message",
      /\(65536 bytes\) in place/,
    ],
    [{ forward: swap }, "order", /in place of/],
    [{ held: () => [] }, "held frames", /^0 of 5 frames$/],
    [{ held: (frames) => frames.toReversed() }, "held frames", /^text "last" \(4 bytes\) in place of text "held 🎉"/],
    [{ held: (frames) => frames.map((frame, index) => index === 0 ? "other" : frame) }, "held frames", /^text "other"/],
    [{ close: () => undefined }, "close", /^nothing in/],
    [{ forward: (frame) => frame === "last words" ? [] : [frame] }, "close", /^the socket was closed with 4321/],
    [{ introduce: () => [] }, "introduction", /^the first heard nothing in/],
    [
      { introduce: () => ["gibberish"] },
      "introduction",
      /^the first heard text "gibberish" \(9 bytes\), then nothing in/,
    ],
    [{ introduce: (text) => [text.replace(/"userName":"/, "$&not ")] }, "introduction", /not /],
  ];
  for (const [flaws, name, got] of cases) {
    const step = failure(await reportOn(flaws, "--timeout", `${VAIN_SECONDS}`));
    assertEquals([step.name, typeof step.expected, typeof step.advice], [name, "string", "string"]);
    assertMatch(step.got!, got);
  }
});

Deno.test("what is not as it should be but can be lived with is a warning", async () => {
  const cases: [Flaws, name: string][] = [
    [{ close: () => [1000, ""] }, "close"],
    [{ close: (code) => [code, "another reason"] }, "close"],
    [
      { held: (frames) => frames.map((frame) => isText(frame) ? new TextEncoder().encode(frame) : frame) },
      "held frames",
    ],
  ];
  for (const [flaws, name] of cases) {
    const found = await reportOn(flaws);
    assertEquals([found.code, troubles(found)], [0, { [name]: "warning" }]);
  }
});

Deno.test("peers who are not paired: the rest is not tried", async () => {
  const found = await reportOn({ pairs: false }, "--timeout", `${VAIN_SECONDS}`);
  const { name, got, advice } = failure(found);
  assertEquals([name, got], ["pairing", `nothing in ${VAIN_SECONDS} s`]);
  assertStringIncludes(advice!, "several instances");
  assertEquals(found.steps.slice(-8).map(({ mark }) => mark), Array(8).fill("skipped"));
});

Deno.test("a pair that falls silent again and again ends the check in three times --timeout", async () => {
  const isGreeting = (frame: Frame) => isText(frame) && frame.startsWith("greeting");
  const timeout = ["--timeout", `${VAIN_SECONDS}`];
  const found = await reportOn({ forward: (frame) => isGreeting(frame) ? [frame] : [] }, ...timeout);
  const { text, close } = troubles(found);
  assertEquals([text, close, found.durationMs < 3 * 2 * VAIN_SECONDS * 1000], ["failed", "skipped", true]);
  assertStringIncludes(found.steps.at(-1)!.detail!, "out of time");
});

Deno.test("a message that is too big for the relay, and a fresh pair for what comes after", async () => {
  await using relay = await startRelay(["--max-message-bytes", "65536"]);
  const { name, got, advice } = failure(await report(relay.url));
  assertEquals(name, "large message");
  assertMatch(got!, /^0 frames, then the socket was closed with .*1009/);
  assertMatch(advice!, /no message of that size/);
});

Deno.test("difference() tells what is wrong", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const cases: [Frame[], Frame[], Difference["kind"] | undefined][] = [
    [["a", bytes(1)], ["a", bytes(1)], undefined],
    [["a", "b"], ["b", "a"], "reordered"],
    [["a"], [], "lost"],
    [[], ["a"], "added"],
    [["a"], [bytes(97)], "retyped"],
    [["a"], ["b"], "altered"],
    [["a"], [bytes(98)], "altered"],
    [["1"], [bytes(1)], "altered"],
  ];
  for (const [sent, came, kind] of cases) assertEquals(difference(sent, came)?.kind, kind);
});
