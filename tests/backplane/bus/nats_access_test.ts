/** Who may join the other instances: credentials and certificates of NATS, and what a wrong one tells the operator. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { BackplaneError } from "../../../src/server/backplane/bus/bus.ts";
import { Server } from "../../../src/server/server.ts";
import { Authority } from "../../helpers/authority.ts";
import { FakeClock } from "../../helpers/fakes.ts";
import { NatsServer } from "../../helpers/nats.ts";
import { NatsOperator } from "../../helpers/nats_operator.ts";
import { Peer } from "../../helpers/peer.ts";
import { untilReady } from "../../helpers/population.ts";
import { Listening, portOf, spawnRelay, startRelay } from "../../helpers/process.ts";
import { withProgram } from "../../helpers/programs.ts";

const ROOT = new URL("../../..", import.meta.url);
/** With everything in it that a URL has to escape. */
const PASSWORD = "p:w@/?#%";
const ESCAPED = encodeURIComponent(PASSWORD);

withProgram("nats-server", () => {
  Deno.test("user and password, or a token, are part of the URL", async () => {
    for (
      const [args, user] of [[["--user", "relay", "--pass", PASSWORD], `relay:${ESCAPED}`], [
        ["--auth", PASSWORD],
        ESCAPED,
      ]] as const
    ) {
      await using nats = await NatsServer.start([...args]);
      await using relay = await startRelay(["--nats", urlOf(nats, { user })]);
      await untilReady(relay, 200);
    }
  });

  Deno.test("with credentials that permit relay1.> and no more, over TLS, peers of two instances meet", async () => {
    await using scene = await Scene.open();
    const operator = new NatsOperator();
    await using nats = await scene.nats("DNS:localhost", await scene.write("nats.conf", operator.configuration));
    const access = await scene.flags(operator);
    const urls = ["--nats", urlOf(nats, { host: "localhost" }), ...access];
    await using one = await startRelay(urls);
    await using other = await startRelay(urls);
    await Promise.all([one, other].map((relay) => untilReady(relay, 200)));
    await assertMeet(one, other);
    for (const relay of [one, other]) assertEquals(/refuses/.test(relay.stderr), false, relay.stderr);
  });

  Deno.test("a certificate has to bear the name that is dialled, or the address", async () => {
    await using scene = await Scene.open();
    await using named = await scene.nats("DNS:localhost");
    await using numbered = await scene.nats("IP:127.0.0.1");
    const ca = ["--nats-ca", scene.authority.certificate];
    await using _relay = await startRelay(["--nats", urlOf(numbered), ...ca]);
    for (
      const [nats, host, rule] of [[named, "127.0.0.1", /IP: 127\.0\.0\.1/], [
        numbered,
        "localhost",
        /localhost/,
      ]] as const
    ) {
      assertMatch(await refused(1, "--nats", urlOf(nats, { host }), ...ca), rule);
    }
  });

  Deno.test("a server that does not carry the largest message is one sentence and exit code 1; one that just does, serves", async () => {
    await using scene = await Scene.open();
    const [small, enough] = await Promise.all([1_024, 8_192].map(async (bytes) => {
      return await NatsServer.start(["-c", await scene.write(`${bytes}.conf`, `max_payload: ${bytes}`)]);
    }));
    assertEquals(
      await refused(1, "--nats", small.url),
      "Cannot use NATS: want servers with a max_payload of at least 8192 bytes, got 1024.",
    );
    await using one = await startRelay(["--nats", enough.url]);
    await using other = await startRelay(["--nats", enough.url]);
    await Promise.all([one, other].map((relay) => untilReady(relay, 200)));
    await assertMeet(one, other);
    // Nothing that a client may say makes a message that is larger: JSON spells each of these characters with 6.
    const [low, high] = ["\u0001", "\u0002"].map((id) => encodeURIComponent(id.repeat(512)));
    await using alice = await Peer.open(`${one.url}/introduction/${low}`);
    await using bob = await Peer.open(`${other.url}/introduction/${high}`);
    for (const peer of [alice, bob]) peer.say({ type: "Join", join: ["\u0003".repeat(512)] });
    assertEquals((await alice.heard() as { userName: string }).userName, decodeURIComponent(high));
    await using toBob = await Peer.open(`${one.url}/connection/alice/bob/large`);
    await using toAlice = await Peer.open(`${other.url}/connection/bob/alice/large`);
    toBob.send("x".repeat(100_000));
    assertEquals((await toAlice.next() as string).length, 100_000);
    for (const nats of [small, enough]) await nats.kill();
  });

  Deno.test("what NATS or its clients do not accept is one sentence and exit code 1", async () => {
    await using scene = await Scene.open();
    await using locked = await NatsServer.start(["--user", "relay", "--pass", PASSWORD]);
    await using plain = await NatsServer.start();
    await using sealed = await scene.nats("DNS:localhost");
    await using other = await Authority.found();
    const users = ["relay:wrong", `eve:${ESCAPED}`, ESCAPED, ""];
    const sentences = await Promise.all(users.map((user) => refused(1, "--nats", urlOf(locked, { user }))));
    const sentence = `Cannot connect to NATS: want credentials that its servers accept, got "Authorization Violation".`;
    assertEquals(sentences, users.map(() => sentence));
    const sealedUrl = urlOf(sealed, { host: "localhost" });
    const stranger = await refused(1, "--nats", sealedUrl, "--nats-ca", other.certificate);
    assertMatch(
      stranger,
      /^Cannot connect to NATS: want servers that accept this relay over TLS, got ".*certificate.*"\.$/,
    );
    const unsealed = await refused(1, "--nats", sealedUrl);
    assertMatch(unsealed, /^Cannot connect to NATS: want servers that accept this relay without TLS, got/);
    const open = await refused(1, "--nats", urlOf(plain, { protocol: "tls" }));
    assertEquals(
      open,
      `Cannot connect to NATS: want servers that accept this relay over TLS, got "server does not support 'tls'".`,
    );
  });

  Deno.test("credentials that another operator signed are one sentence and exit code 1", async () => {
    await using scene = await Scene.open();
    await using nats = await NatsServer.start(["-c", await scene.write("nats.conf", new NatsOperator().configuration)]);
    const creds = await scene.write("other.creds", new NatsOperator().credentials());
    assertMatch(
      await refused(1, "--nats", urlOf(nats), "--nats-creds", creds),
      /credentials that its servers accept, got "Auth/,
    );
  });

  Deno.test("files that cannot be used are one sentence and exit code 2, before NATS is asked", async () => {
    await using scene = await Scene.open();
    const text = await scene.write("text", "hello");
    const block = await scene.write("block", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    await Promise.all(["--nats-creds", "--nats-ca"].map(async (flag) => {
      const start = (path: string) => refused(2, "--nats", "nats://localhost:1", flag, path);
      assertStringIncludes(
        await start("missing.pem"),
        `Cannot read ${flag}: want a readable PEM file, got "missing.pem"`,
      );
      assertStringIncludes(await start(text), `Cannot read ${flag}: want a readable PEM file, got "${text}" without`);
      assertMatch(await start(block), new RegExp(`^Cannot use ${flag}: want .* in it, got ".*"\\.$`));
    }));
  });

  Deno.test("refused a hundred times in another program, the relay leaves no uncaught error there", async () => {
    await using nats = await NatsServer.start(["--user", "relay", "--pass", PASSWORD]);
    // In time that stands still the relay's guard stays: a reset may come late on a busy machine.
    const clock = new FakeClock();
    for (let i = 0; i < 100; i++) {
      const server = new Server({ port: 0, nats: [urlOf(nats, { user: "eve:wrong" })] }, { clock });
      await assertRejects(() => server.listen(), BackplaneError, "Authorization Violation");
    }
  });

  Deno.test("the relay serves before NATS is there, is not ready, says so once, and joins when it comes", async () => {
    await using nats = await NatsServer.start();
    await nats.kill();
    await using one = await startRelay(["--nats", nats.url, "--log-format", "json"]);
    await using other = await startRelay(["--nats", nats.url]);
    await untilReady(one, 503);
    await assertMeet(one, one);
    await nats.restart();
    await Promise.all([one, other].map((relay) => untilReady(relay, 200)));
    await assertMeet(one, other);
    assertEquals(one.stderr.match(/"ERROR"/g)?.length, 1, one.stderr);
  });

  Deno.test("of several servers the first may be dead", async () => {
    await using dead = await NatsServer.start();
    await dead.kill();
    await using nats = await NatsServer.start();
    await using relay = await startRelay(["--nats", `${dead.url},${nats.url}`]);
    await untilReady(relay, 200);
  });

  Deno.test("the tasks that start the relay may do what NATS needs", async () => {
    await using scene = await Scene.open();
    const operator = new NatsOperator();
    await using plain = await NatsServer.start();
    await using nats = await scene.nats("DNS:localhost", await scene.write("nats.conf", operator.configuration));
    const [, RELAY_NATS_CREDS, , RELAY_NATS_CA] = await scene.flags(operator);
    await assertTaskJoins("start", { RELAY_NATS_URL: plain.url });
    const RELAY_NATS_URL = urlOf(nats, { host: "localhost" });
    await assertTaskJoins("start:files", { RELAY_NATS_URL, RELAY_NATS_CREDS, RELAY_NATS_CA });
  });
});

/** Files of one test. */
class Scene implements AsyncDisposable {
  private constructor(readonly authority: Authority) {}

  static async open(): Promise<Scene> {
    return new Scene(await Authority.found());
  }

  async write(name: string, content: string): Promise<string> {
    const path = `${this.authority.folder}/${name}`;
    await Deno.writeTextFile(path, content);
    return path;
  }

  /** A server that speaks TLS under this name. */
  async nats(name: string, configuration?: string): Promise<NatsServer> {
    const { cert, key } = await this.authority.certify(name);
    const args = ["--tls", "--tlscert", cert, "--tlskey", key];
    return await NatsServer.start(configuration === undefined ? args : [...args, "-c", configuration]);
  }

  /** Of a relay that is a user of this operator. */
  async flags(operator: NatsOperator): Promise<string[]> {
    const creds = await this.write("user.creds", operator.credentials());
    return ["--nats-creds", creds, "--nats-ca", this.authority.certificate];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.authority[Symbol.asyncDispose]();
  }
}

function urlOf({ port }: NatsServer, { protocol = "nats", user = "", host = "127.0.0.1" } = {}): string {
  return `${protocol}://${user}${user === "" ? "" : "@"}${host}:${port}`;
}

/** Starts a relay that has to refuse this; gives the one sentence that it prints. */
async function refused(code: number, ...args: string[]): Promise<string> {
  await using relay = spawnRelay(["--port", "0", ...args]);
  assertEquals((await relay.exited).code, code, relay.stderr);
  assertEquals([relay.stdout, relay.stderr.trimEnd().split("\n").length], ["", 1], relay.stderr);
  return relay.stderr.trimEnd();
}

/** A peer of each are introduced, and talk. */
async function assertMeet(one: Listening, other: Listening): Promise<void> {
  await using alice = await Peer.open(`${one.url}/introduction/alice`);
  await using bob = await Peer.open(`${other.url}/introduction/bob`);
  for (const peer of [alice, bob]) peer.say({ type: "Join", join: ["doc"] });
  for (const [peer, userName] of [[alice, "bob"], [bob, "alice"]] as const) {
    assertEquals(await peer.heard(), { type: "Introduction", userName, documentIds: ["doc"] });
  }
  await using toBob = await Peer.open(`${one.url}/connection/alice/bob/doc`);
  await using toAlice = await Peer.open(`${other.url}/connection/bob/alice/doc`);
  toBob.send("hello");
  assertEquals(await toAlice.next(), "hello");
}

async function assertTaskJoins(task: string, env: Record<string, string>): Promise<void> {
  const options = { args: ["task", "--quiet", task, "--port", "0"], cwd: ROOT, env };
  await using relay = await new Listening(`deno task ${task}`, Deno.execPath(), options).listening(portOf);
  await untilReady(relay, 200);
  // The task passes the signal on; it could not pass on the one that ends it when this scope does.
  relay.signal("SIGINT");
  assert((await relay.exited).success, relay.stderr);
}
