import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Server } from "../../src/server/mod.ts";
import { FakeClock } from "../helpers/fakes.ts";
import { Listening, portOf, startRelay } from "../helpers/process.ts";
import { Peer } from "../helpers/peer.ts";
import { RawConnection } from "../helpers/raw.ts";
import { withProgram } from "../helpers/programs.ts";
import { VARIANTS } from "../helpers/transports.ts";
import { fetchTrusting } from "../helpers/trust.ts";

const ROOT = new URL("../../", import.meta.url);

/** The values of a scrape by name and labels. */
async function scrape(http: string): Promise<Map<string, number>> {
  const response = await fetchTrusting(`${http}/metrics`);
  assertMatch(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

for (const { name, flags } of VARIANTS) {
  Deno.test(`${name}: a scrape tells what happened, and names nobody`, async () => {
    await using relay = await startRelay(["--metrics", ...flags, "--drain-timeout", "0"]);
    await using alice = await Peer.open(`${relay.url}/introduction/alice`);
    alice.say({ type: "Join", join: ["doc"] });
    alice.send("garbage");
    await using bob = await Peer.open(`${relay.url}/introduction/bob`);
    bob.say({ type: "Join", join: ["doc"] });
    await bob.heard();
    await using toBob = await Peer.open(`${relay.url}/connection/alice/bob/doc`);
    toBob.send("held");
    await using toAlice = await Peer.open(`${relay.url}/connection/bob/alice/doc`);
    await toAlice.next();
    toAlice.send(new Uint8Array(100));
    await toBob.next();
    await fetchTrusting(`${relay.http}/nope`).then((response) => response.text());
    const values = await scrape(relay.http);
    const expected = {
      relay_connections: 4,
      relay_peers: 2,
      relay_pairs: 1,
      relay_seekers: 0,
      relay_introductions_total: 2,
      relay_seekers_held_total: 1,
      relay_pairs_made_total: 1,
      'relay_opened_total{kind="introduction"}': 2,
      'relay_opened_total{kind="connection"}': 2,
      'relay_malformed_total{reason="not JSON"}': 1,
      'relay_refused_total{reason="no such page"}': 1,
      'relay_received_frames_total{type="text"}': 1,
      'relay_delivered_bytes_total{type="binary"}': 100,
    };
    assertEquals(Object.fromEntries(Object.keys(expected).map((name) => [name, values.get(name)])), expected);
    assertEquals([...values.keys()].some((name) => /alice|bob|doc\b|127\.0/.test(name)), false);
    assertEquals(values.get("process_resident_memory_bytes")! > 0, true);
  });
}

Deno.test("an event loop that is blocked shows, and the watch ends with the relay", async () => {
  const clock = new FakeClock();
  const server = await new Server({ port: 0, host: "127.0.0.1", metrics: true }, { clock }).listen();
  const [http, name] = [`http://127.0.0.1:${server.port}`, "relay_event_loop_delay_seconds"];
  clock.pass(100);
  assertEquals((await scrape(http)).get(`${name}_sum`), 0);
  clock.block(3_000);
  const values = await scrape(http);
  assertEquals([values.get(`${name}_count`), values.get(`${name}_sum`)], [2, 2.9]);
  assertEquals([values.get(`${name}_bucket{le="1"}`), values.get(`${name}_bucket{le="5"}`)], [1, 2]);
  await server.close();
  assertEquals(clock.pending, 0);
});

withProgram("promtool", () => {
  Deno.test("promtool has nothing to say against a scrape", async () => {
    await using relay = await startRelay(["--metrics", "--drain-timeout", "0"]);
    const text = await fetch(`${relay.http}/metrics`).then((response) => response.text());
    const args = ["check", "metrics"];
    const promtool = new Deno.Command("promtool", { args, stdin: "piped", stderr: "piped" }).spawn();
    await new Blob([text]).stream().pipeTo(promtool.stdin);
    const { code, stderr } = await promtool.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  });
});

Deno.test("one line is logged for an ended pair: how long, how much each way, why; nobody's name", async () => {
  await using relay = await startRelay(["--drain-timeout", "0"]);
  const alice = await Peer.open(`${relay.url}/connection/alice/bob/secret-doc`);
  const startedAt = performance.now();
  const bob = await Peer.open(`${relay.url}/connection/bob/alice/secret-doc`);
  alice.send("hello");
  await bob.next();
  bob.socket.close(4321, "my reason");
  await Promise.all([alice.closed, bob.closed]);
  const most = Math.round((performance.now() - startedAt) / 1000);
  relay.signal("SIGTERM");
  await relay.exited;
  const [line] = relay.stderr.split("\n").filter((line) => line.includes("a pair ended"));
  const { seconds, ...properties } = JSON.parse(line).properties;
  assertEquals(properties, { frames: [1, 0], bytes: [5, 0], why: "a peer closed with 4321" });
  // A machine that is busy lets it live longer.
  assert(Number.isInteger(seconds) && seconds >= 0 && seconds <= most, `${seconds} of at most ${most} s`);
  for (const secret of ["alice", "bob", "secret-doc", "my reason"]) assertEquals(line.includes(secret), false, secret);
});

Deno.test("a pair that the relay's own end has ended is not put down to a peer", async () => {
  await using relay = await startRelay(["--drain-timeout", "0"]);
  const alice = await Peer.open(`${relay.url}/connection/alice/bob/doc`);
  const bob = await Peer.open(`${relay.url}/connection/bob/alice/doc`);
  alice.send("hello");
  await bob.next();
  relay.signal("SIGTERM");
  await Promise.all([alice.closed, bob.closed, relay.exited]);
  const [line] = relay.stderr.split("\n").filter((line) => line.includes("a pair ended"));
  assertEquals(JSON.parse(line).properties.why, "relay is restarting");
});

Deno.test("with the permissions of the task, what cannot be told has no line, and the rest is true", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, quoted] = tasks.start.command.split(" deno ");
  // The shell of tasks in Deno 2.5 looks for files where `*` is not quoted, and fails.
  assertMatch(quoted, /^[^*]*'[^']*\*[^']*'[^*]*$/);
  const args = quoted.replaceAll("'", "").split(" ");
  const options = { args: [...args, "--port", "0", "--metrics", "--drain-timeout", "0"], cwd: ROOT };
  await using relay = await new Listening("the relay", Deno.execPath(), options).listening(portOf);
  const values = await scrape(relay.http);
  assertEquals(values.get("process_resident_memory_bytes")! > 2 ** 20, true);
  // These are known to /proc, which takes all permissions.
  for (const name of ["process_open_fds", "process_max_fds", "process_virtual_memory_bytes"]) {
    assertEquals(values.get(name), undefined, name);
  }
  relay.signal("SIGINT");
  await relay.exited;
});

Deno.test("without --metrics there is no such page", async () => {
  await using relay = await startRelay();
  using raw = await RawConnection.open(relay.port);
  await raw.write("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  assertStringIncludes(await raw.readHead(), "404");
});
