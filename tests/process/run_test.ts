/** The real process: how it starts, how it refuses to, and how it ends. */

import { assertEquals, assertMatch } from "@std/assert";
import { CLOSE, VERSION } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Peer } from "../helpers/peer.ts";
import { Listening, portOf, startRelay, within } from "../helpers/process.ts";
import { frameOf, handshake, RawConnection } from "../helpers/raw.ts";
import { VARIANTS, WITH_TCP } from "../helpers/transports.ts";

const ROOT = new URL("../..", import.meta.url);
/** In the second half of six of them, pairs talk on, on a machine that may be busy. */
const DRAIN_SECONDS = 8;
/** How late such a machine may be. */
const SLACK_SECONDS = 10;

async function run(args: string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "main.ts", ...args], cwd: ROOT, env });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function readiness(http: string): Promise<[status: number, text: string]> {
  const response = await fetch(`${http}/readyz`);
  return [response.status, await response.text()];
}

Deno.test("SIGTERM with live pairs: every client hears 1012, and the exit code is 0 within the drain time", async () => {
  await using relay = await startRelay(["--drain-timeout", `${DRAIN_SECONDS}`]);
  const peers = await Promise.all(["a", "b", "c"].map((id) => Peer.open(`${relay.url}/introduction/${id}`)));
  const pending = await Peer.open(`${relay.url}/connection/c/a/doc`);
  const [alice, bob] = [
    await Peer.open(`${relay.url}/connection/a/b/doc`),
    await Peer.open(`${relay.url}/connection/b/a/doc`),
  ];
  relay.signal("SIGTERM");
  const exited = within(relay.exited, "the relay to end", DRAIN_SECONDS + SLACK_SECONDS);
  for (const peer of peers) assertEquals(await peer.closed, CLOSE.restarting);
  assertEquals(await readiness(relay.http), [503, "draining\n"]);
  alice.send("still talking");
  assertEquals(await bob.next(), "still talking");
  for (const peer of [alice, bob, pending]) assertEquals(await peer.closed, CLOSE.restarting);
  assertEquals((await exited).code, 0);
});

Deno.test("SIGINT without sockets ends at once, with exit code 0", async () => {
  await using relay = await startRelay(["--drain-timeout", "60"]);
  relay.signal("SIGINT");
  assertEquals((await relay.exited).code, 0);
});

Deno.test("a second signal does not wait for the drain", async () => {
  await using relay = await startRelay(["--drain-timeout", "60"]);
  const alice = await Peer.open(`${relay.url}/connection/a/b/doc`);
  relay.signal("SIGTERM");
  while ((await readiness(relay.http))[0] !== 503);
  assertEquals(await relay.signalToTheEnd("SIGTERM", LIMITS.sameSignalMs), 130);
  await alice.closed;
});

Deno.test("a signal that comes twice at once, as a Ctrl-C under deno task does, is one: the relay drains", async () => {
  await using relay = await startRelay(["--drain-timeout", "1"]);
  const alice = await Peer.open(`${relay.url}/connection/a/b/doc`);
  // Both are there when it goes on: how soon it hears of them does not count. Of two alike the system would make one.
  for (const signal of ["SIGSTOP", "SIGINT", "SIGTERM", "SIGCONT"] as const) relay.signal(signal);
  assertEquals(await alice.closed, CLOSE.restarting);
  assertEquals((await relay.exited).code, 0);
});

Deno.test("a bad value is one sentence and exit code 2, before anything listens", async () => {
  assertEquals(await run(["--port", "80a"]), {
    code: 2,
    stdout: "",
    stderr: 'Cannot parse --port: want an integer from 0 to 65535, got "80a".\n',
  });
  const { code, stderr } = await run(["--cert", "/nowhere/cert.pem", "--key", "/nowhere/key.pem"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^Cannot read --cert: want a readable PEM file, got "\/nowhere\/cert.pem" \(.*\)\.\n$/);
});

Deno.test("an exception that nobody thought of is one sentence and exit code 1, wherever it comes from", async () => {
  const forbidden = ["run", "--no-prompt", "--allow-net", "main.ts", "--port", "0"];
  const impossible = `import { fail, runRelay } from "./src/server/process/run.ts";
    import { withDefaults } from "./src/server/config.ts";
    const config = { ...withDefaults({ port: 0 }), get maxMemory() { throw new TypeError("no\\nidea"); } };
    Deno.exit(await runRelay(config).catch(fail));`;
  for (const args of [forbidden, ["eval", impossible]]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
    assertEquals([code, new TextDecoder().decode(stdout)], [1, ""]);
    assertMatch(
      new TextDecoder().decode(stderr),
      /^Cannot run: want no exception, got "(NotCapable|TypeError): .*"\.\n$/,
    );
  }
});

Deno.test("a port in use is one sentence and exit code 1", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const outcome = await run(["--host", "127.0.0.1", "--port", `${port}`]);
  listener.close();
  const want = "want an address of this machine and a free port";
  const stderr = `Cannot listen on 127.0.0.1:${port}: ${want}, got one in use.\n`;
  assertEquals(outcome, { code: 1, stdout: "", stderr });
});

Deno.test("a relay that may not listen is one sentence and exit code 1", async () => {
  const args = ["run", "--no-prompt", "--allow-env", "main.ts", "--port", "0"];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  assertEquals(code, 1);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^Cannot listen on 0\.0\.0\.0:0: want .*, got Requires net access .*\n$/,
  );
});

Deno.test("a relay that listens on one address alone prints that, and answers there", async () => {
  const args = ["run", "-A", "main.ts", "--port", "0", "--host", "127.0.0.2"];
  const shown = (line: string) => Number(/^🐟 Listening at http:\/\/127\.0\.0\.2:(\d+)$/.exec(line)?.[1]) || undefined;
  const how = { args, cwd: new URL("../..", import.meta.url) };
  await using relay = await new Listening("the relay", Deno.execPath(), how).listening(shown);
  assertEquals(await (await fetch(`http://127.0.0.2:${relay.port}/readyz`)).text(), "ready\n");
});

Deno.test("--version prints the version, which is the package's", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assertEquals([await run(["--version"]), VERSION], [{ code: 0, stdout: `${version}\n`, stderr: "" }, version]);
});

Deno.test("check asks a running relay whether it is ready", async () => {
  await using relay = await startRelay();
  assertEquals((await run(["check", relay.url])).code, 0);
  assertEquals((await run(["check", "ws://127.0.0.1:1"])).code, 1);
});

Deno.test("past its memory limit it says so, drains quickly and exits with 75", async () => {
  await using relay = await startRelay(["--max-memory", "1000000"]);
  assertEquals((await relay.exited).code, 75);
  assertMatch(relay.stderr, /overloaded, ending to be started again: .*want at most 1000000 bytes of resident memory/);
});

Deno.test("endless fragments, which the runtime does not bound, end at the memory limit and not before", async () => {
  await using relay = await startRelay(["--max-memory", `${300 * 1024 * 1024}`]);
  using raw = await RawConnection.upgrade(relay.port, "/connection/a/b/doc");
  const fragment = frameOf(0, new Uint8Array(1024 * 1024), { first: 0 });
  await raw.write(frameOf(2, new Uint8Array(1), { first: 2 }));
  let sent = 0;
  try {
    for (; sent < 4_000; sent++) {
      await raw.write(fragment);
      // Slower than loopback can: the watchdog looks once a second.
      if (sent % 4 === 0) await (await fetch(`${relay.http}/healthz`)).text();
    }
  } catch {
    // The relay is gone.
  }
  assertEquals((await relay.exited).code, 75);
  assertEquals(sent > 100 && sent < 4_000, true, `${sent} MiB were taken`);
});

Deno.test("ids, addresses and tokens are not logged above debug", async () => {
  await using relay = await startRelay(["--log-level", "info", "--token", "s3cret", "--drain-timeout", "0"]);
  const alice = await Peer.open(`${relay.url}/t/s3cret/introduction/alice-id`);
  alice.say({ type: "Join", join: ["doc-id"] });
  alice.send("garbage");
  const pending = await Peer.open(`${relay.url}/connection/alice-id/bob-id/doc-id?token=s3cret`);
  relay.signal("SIGTERM");
  await Promise.all([alice.closed, pending.closed, relay.exited]);
  for (const secret of ["alice-id", "bob-id", "doc-id", "s3cret", "127.0.0.1"]) {
    assertEquals(relay.stderr.includes(secret) || relay.stdout.includes(secret), false, secret);
  }
});

Deno.test("silent connections up to the last descriptor end in exit code 75, and open sockets live until then", async () => {
  const start = `ulimit -n 400; exec "${Deno.execPath()}" run -A main.ts --port 0`;
  await using relay = await new Listening("the relay", "sh", { args: ["-c", start], cwd: ROOT }).listening(portOf);
  const [alice, bob] = [
    await Peer.open(`${relay.url}/connection/a/b/doc`),
    await Peer.open(`${relay.url}/connection/b/a/doc`),
  ];
  const open = (length: number) => Promise.allSettled(Array.from({ length }, () => RawConnection.open(relay.port)));
  const silent = await open(250);
  alice.send("still here");
  assertEquals(await bob.next(), "still here");
  silent.push(...await open(250));
  for (const peer of [alice, bob]) assertEquals(await peer.closed, CLOSE.restarting);
  assertEquals((await relay.exited).code, 75);
  for (const outcome of silent) if (outcome.status === "fulfilled") outcome.value[Symbol.dispose]();
  assertMatch(relay.stderr, /lowering --max-connections to \d+: only 400 descriptors can be opened/);
});

Deno.test("on Deno Deploy it says once that instances do not see each other", async () => {
  await using relay = await startRelay([], { env: { DENO_DEPLOYMENT_ID: "x" } });
  await relay.nextErrorLine(/instances do not see each other/);
  relay.signal("SIGTERM");
  await relay.exited;
  assertEquals(relay.stderr.match(/instances do not see each other/g)?.length, 1);
});

for (const { name, flags } of VARIANTS) {
  Deno.test(`${name}: neither an unfinished request nor a refused or closed socket keeps it from ending`, async () => {
    await using relay = await startRelay([...flags, "--drain-timeout", "1"]);
    using unfinished = await RawConnection.open(relay);
    await unfinished.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc");
    using refused = await RawConnection.open(relay);
    await refused.write(handshake("/nope"));
    using superseded = await RawConnection.upgrade(relay, "/connection/a/b/doc");
    using _newer = await RawConnection.upgrade(relay, "/connection/a/b/doc");
    assertEquals((await superseded.readClose())?.code, 4409);
    relay.signal("SIGTERM");
    assertEquals((await within(relay.exited, "the relay to end", 1 + SLACK_SECONDS)).code, 0);
  });
}

Deno.test("tcp: connections that were refused are hung up on, and do not fill the relay", WITH_TCP, async () => {
  await using relay = await startRelay(["--transport", "tcp", "--max-connections", "5", "--drain-timeout", "0"]);
  const refused = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(relay.port)));
  await Promise.all(refused.map((raw) => raw.write(handshake("/nope"))));
  await Promise.all(refused.map((raw) => raw.hungUp()));
  assertEquals((await readiness(relay.http))[0], 200);
  refused.forEach((raw) => raw[Symbol.dispose]());
});
