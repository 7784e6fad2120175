/** What the image would hold, as a container would run it. */

import { assertEquals, assertMatch } from "@std/assert";
import { Authority } from "./helpers/authority.ts";
import { canEnterImages, Image } from "./helpers/image.ts";
import { NatsServer } from "./helpers/nats.ts";
import { Peer } from "./helpers/peer.ts";
import type { Listening } from "./helpers/process.ts";
import { withProgram } from "./helpers/programs.ts";
import { RawConnection } from "./helpers/raw.ts";
import { TRANSPORTS } from "./helpers/transports.ts";

const CERT = "/etc/cert.pem";
const KEY = "/etc/key.pem";
const AUTHORITY = "/etc/ca.pem";

withProgram("nats-server", () => {
  // Not for everybody who runs the tests; where it is decided whether a change lands, they have to run.
  const ignore = !canEnterImages() && Deno.env.get("CI") !== "true";

  Deno.test("the image's second stage, as far as it needs no registry (as root)", { ignore }, async (t) => {
    await using authority = await Authority.found();
    await using image = await Image.build();
    const { cert, key } = await authority.certify("DNS:localhost,IP:127.0.0.1");
    for (const [path, file] of [[CERT, cert], [KEY, key], [AUTHORITY, authority.certificate]]) {
      await image.add(path, file);
    }
    await t.step(
      "nothing can be written, no folder is there for temporary files, no certificates",
      () => isBare(image),
    );
    for (const transport of TRANSPORTS) {
      const env = { RELAY_TRANSPORT: transport };
      await t.step(`${transport}: a pair talks`, () => assertPairs(image, env));
      await t.step(`${transport}: a pair talks over TLS`, () => assertTlsPairs(image, env, authority));
      await t.step(`${transport}: it finds NATS over TLS, by its name`, () => assertReachesNats(image, env, authority));
    }
  });
});

async function isBare(image: Image): Promise<void> {
  const paths = ["/x", "/tmp/x", "/etc/x", "/var/x", "/dev/shm"].map((path) => `"${path}"`);
  const canWrite = `(path) => { try { Deno.writeTextFileSync(path, ""); return true; } catch { return false; } }`;
  assertEquals(await image.evaluate(`JSON.stringify([${paths}].filter(${canWrite}))`), "[]\n");
  const names = `JSON.stringify([...Deno.readDirSync("/")].map(({ name }) => name).sort())`;
  const libraries = ["lib", "lib64"];
  const found = JSON.parse(await image.evaluate(names)).filter((name: string) => !libraries.includes(name));
  assertEquals(found, ["dev", "etc", "proc", "relay", "relay.js"]);
  assertEquals(await image.evaluate(`Deno.uid() + ":" + Deno.gid()`), "65532:65532\n");
}

async function assertPairs(image: Image, options: Record<string, string>): Promise<void> {
  await withRelay(image, options, async (relay) => {
    await using alice = await Peer.open(`${relay.url}/connection/a/b/doc`);
    await using bob = await Peer.open(`${relay.url}/connection/b/a/doc`);
    alice.send("hello");
    assertEquals(await bob.next(), "hello");
  });
}

async function assertTlsPairs(image: Image, options: Record<string, string>, authority: Authority): Promise<void> {
  const caCerts = [await Deno.readTextFile(authority.certificate)];
  await withRelay(image, { ...options, RELAY_CERT: CERT, RELAY_KEY: KEY }, async ({ port }) => {
    const open = async (path: string) =>
      await RawConnection.upgradeOn(await Deno.connectTls({ hostname: "localhost", port, caCerts }), path);
    using alice = await open("/connection/a/b/doc");
    using bob = await open("/connection/b/a/doc");
    await alice.sendText("hello");
    assertEquals(await bob.readText(), "hello");
  });
}

async function assertReachesNats(image: Image, options: Record<string, string>, authority: Authority): Promise<void> {
  const { cert, key } = await authority.certify("DNS:localhost");
  await using nats = await NatsServer.start(["--tls", "--tlscert", cert, "--tlskey", key]);
  const env = { ...options, RELAY_NATS_URL: `tls://localhost:${nats.port}`, RELAY_NATS_CA: AUTHORITY };
  await withRelay(image, env, async (relay) => {
    while (await statusOf(`${relay.http}/readyz`) !== 200);
    await nats.kill();
    while (await statusOf(`${relay.http}/readyz`) !== 503);
  });
}

/** Runs a relay, asks its health check, whatever has happened to it, and ends it as Docker does. */
async function withRelay(
  image: Image,
  options: Record<string, string>,
  action: (relay: Listening) => Promise<void>,
): Promise<void> {
  await using relay = await image.start({ ...options, PORT: "0", RELAY_DRAIN_TIMEOUT: "0" }).listening(anyPortOf);
  await action(relay);
  assertEquals(await image.healthCheck({ ...options, PORT: `${relay.port}` }), 0);
  relay.signal("SIGTERM");
  assertEquals((await relay.exited).code, 0, relay.stderr);
  assertMatch(relay.stderr, /draining/);
  assertEquals(/NotCapable|requires .* access/i.test(relay.stderr), false, relay.stderr);
}

function anyPortOf(line: string): number | undefined {
  return Number(/^🐟 Listening at https?:\/\/localhost:(\d+)$/.exec(line)?.[1]) || undefined;
}

async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.status;
}
