/** From outside, on port 0: the documented API, as the README's examples have it, and what a relay must survive. */

import { Buffer } from "node:buffer";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { CLOSE, VERSION, WIRE_LIMITS } from "../src/protocol.ts";
import { type RelayConfig, Server } from "../src/server/mod.ts";
import { LIMITS } from "../src/server/core/limits.ts";
import { assertNothingLeft } from "./helpers/nothing_left.ts";
import { closeFrame } from "./helpers/bulk.ts";
import { NatsServer } from "./helpers/nats.ts";
import { Peer } from "./helpers/peer.ts";
import { withProgram } from "./helpers/programs.ts";
import { frameOf, handshake, RawConnection } from "./helpers/raw.ts";
import { VARIANTS, WITH_TCP, WITHOUT_LEAKS } from "./helpers/transports.ts";
import { fetchTrusting } from "./helpers/trust.ts";

const MIB = 1024 * 1024;

/** A relay in this process, of one instance or of two. When it ends, nothing may be left of anything. */
class Relay implements AsyncDisposable {
  private constructor(readonly servers: readonly Server[], readonly isTls: boolean, readonly nats?: NatsServer) {}

  static async start(config: Partial<RelayConfig> = {}): Promise<Relay> {
    return new Relay([await listen(config)], config.cert !== undefined);
  }

  static async startTwo(config: Partial<RelayConfig> = {}): Promise<Relay> {
    const nats = await NatsServer.start();
    const shared = { ...config, nats: [nats.url] };
    return new Relay([await listen(shared), await listen(shared)], config.cert !== undefined, nats);
  }

  get port(): number {
    return this.server.port;
  }

  /** The instance that Alice comes to. */
  get server(): Server {
    return this.servers[0];
  }

  get url(): string {
    return this.urlFor("alice");
  }

  /** Of two peers of whom the tests tell, one comes to the one instance and one to the other. */
  urlFor(peerId: string): string {
    const index = ["alice", "carol"].includes(peerId) ? 0 : this.servers.length - 1;
    return `${this.isTls ? "wss" : "ws"}://127.0.0.1:${this.servers[index].port}`;
  }

  get http(): string {
    return `${this.isTls ? "https" : "http"}://127.0.0.1:${this.port}`;
  }

  async peer(id: string, ...join: string[]): Promise<Peer> {
    const peer = await Peer.open(`${this.urlFor(id)}/introduction/${id}`);
    if (join.length > 0) peer.say({ type: "Join", join });
    return peer;
  }

  connect(localId: string, remoteId: string, documentId = "doc"): Promise<Peer> {
    return Peer.open(`${this.urlFor(localId)}/connection/${localId}/${remoteId}/${documentId}`);
  }

  /** Two who are paired: each has heard the other. */
  async pair(): Promise<[Peer, Peer]> {
    const [alice, bob] = [await this.connect("alice", "bob"), await this.connect("bob", "alice")];
    alice.send("hello");
    bob.send("hello");
    await Promise.all([alice.next(), bob.next()]);
    return [alice, bob];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) {
      await server.close();
      assertNothingLeft(server);
    }
    await this.nats?.kill();
  }
}

function listen(config: Partial<RelayConfig>): Promise<Server> {
  return new Server({ port: 0, host: "127.0.0.1", ...config }).listen();
}

const GARBAGE: [what: string, frame: Uint8Array][] = [
  ["msgpack nil", frameOf(2, Uint8Array.of(0xc0))],
  ["truncated msgpack", frameOf(2, Uint8Array.of(0x82, 0xa4, 0x74))],
  ["a huge declared length", frameOf(2, Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff))],
  ["an extension type", frameOf(2, Uint8Array.of(0xd4, 0x01, 0x02))],
  ["invalid UTF-8 in binary JSON", frameOf(2, Uint8Array.of(0x7b, 0xff, 0xfe))],
  ["an unknown type", frameOf(1, new TextEncoder().encode('{"type":"Introduction"}'))],
  ["JSON of the wrong shape", frameOf(1, new TextEncoder().encode('{"type":"Leave"}'))],
  ["a message one byte over the bound", frameOf(1, new Uint8Array(WIRE_LIMITS.introductionBytes + 1).fill(32))],
  ["an empty frame", frameOf(2, new Uint8Array())],
];

const ANSWERS: [what: string, request: string, status: number, header: [string, RegExp] | undefined, body: RegExp][] = [
  ["health", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", 200, undefined, /ok/],
  ["readiness", "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n", 200, undefined, /ready/],
  ["a page that is none", "GET /nope HTTP/1.1\r\nhost: x\r\n\r\n", 404, undefined, /Cannot find "\/nope"/],
  ["metrics that are off", "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n", 404, undefined, /Cannot find/],
  ["a POST to a page", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 405, ["allow", /GET/], /want GET/],
  [
    "a socket path as a page",
    "GET /introduction/a HTTP/1.1\r\nhost: x\r\n\r\n",
    426,
    ["upgrade", /websocket/],
    /upgrade/,
  ],
  ["a bad id", handshake("/introduction/%zz"), 400, undefined, /percent escapes/],
  ["a self-connection", handshake("/connection/a/a/d"), 400, undefined, /to itself/],
  ["a POST with an upgrade", handshake("/introduction/a").replace("GET", "POST"), 405, ["allow", /GET/], /POST/],
  ["an old version", handshake("/introduction/a", { "sec-websocket-version": "8" }), 426, undefined, /version 13/],
  ["no key", handshake("/introduction/a").replace(/sec-websocket-key.*\r\n/, ""), 400, undefined, /key/],
  ["an odd host", handshake("/introduction/a", { host: "a b" }), 400, undefined, /host/],
];

/** Every behaviour, whatever carries the sockets, and whether the peers come to one instance or to two. */
function behaviours(stage: string, start: (config?: Partial<RelayConfig>) => Promise<Relay>): void {
  const test = (name: string, action: () => Promise<void>) => Deno.test(`${stage}: ${name}`, WITHOUT_LEAKS, action);

  test("Alice and Bob are introduced and talk, as the documented API has it", async () => {
    await using relay = await start();
    await using alice = await relay.peer("alice", "ambitious-mongoose", "frivolous-platypus");
    await using bob = await relay.peer("bob", "ambitious-mongoose");
    const introduction = { type: "Introduction", documentIds: ["ambitious-mongoose"] };
    assertEquals(await alice.heard(), { ...introduction, userName: "bob" });
    assertEquals(await bob.heard(), { ...introduction, userName: "alice" });

    await using toBob = await relay.connect("alice", "bob");
    toBob.send("Hello! 🎉");
    await using toAlice = await relay.connect("bob", "alice");
    assertEquals(await toAlice.next(), "Hello! 🎉");
    toAlice.send(Uint8Array.of(1, 2, 3));
    assertEquals(await toBob.next(), Uint8Array.of(1, 2, 3));
  });

  test("200 frames of mixed type and size wait for the second side and arrive first, in order, unchanged", async () => {
    await using relay = await start();
    await using alice = await relay.connect("alice", "bob");
    const frames = Array.from({ length: 200 }, (_, i) => i % 2 ? "ü".repeat(i * 10) : new Uint8Array(i * 20).fill(i));
    frames.forEach((frame) => alice.send(frame));
    await using bob = await relay.connect("bob", "alice");
    alice.send("after");
    for (const frame of [...frames, "after"]) assertEquals(await bob.next(), frame);
  });

  test("two who speak at once, before either is paired, hear all of each other", async () => {
    await using relay = await start();
    const said = (name: string) => Array.from({ length: 2_000 }, (_, i) => `${name} ${i}`.padEnd(100));
    // What the runtime's own client may do to bulk over TLS: see below.
    using alice = await RawConnection.upgrade(relay, "/connection/alice/bob/doc");
    const words = said("alice").map((message) => frameOf(1, new TextEncoder().encode(message)));
    const speaking = alice.write(Buffer.concat([...words, frameOf(2, new Uint8Array(8 * MIB))]));
    await using bob = await relay.connect("bob", "alice");
    said("bob").forEach((message) => bob.send(message));
    for (const message of said("alice")) assertEquals(await bob.next(), message);
    assertEquals((await bob.next()).length, 8 * MIB);
    for (const message of said("bob")) assertEquals(await alice.readText(), message);
    await speaking;
  });

  test("what a peer said before it hung up waits for one who was introduced to it", async () => {
    await using relay = await start();
    await using _alice = await relay.peer("alice", "doc");
    await using bob = await relay.peer("bob", "doc");
    await bob.next();
    const toBob = await relay.connect("alice", "bob");
    toBob.send("hello and good-bye");
    toBob.socket.close(4321, "bye");
    await toBob.closed;
    const toAlice = await relay.connect("bob", "alice");
    assertEquals([await toAlice.next(), await toAlice.closed], ["hello and good-bye", { code: 4321, reason: "bye" }]);
  });

  test("messages of up to the bound cross, and one byte more closes with 1009", async () => {
    await using relay = await start({ maxMessageBytes: 3 * MIB });
    const [alice, bob] = await relay.pair();
    alice.send(new Uint8Array(3 * MIB).fill(7));
    assertEquals((await bob.next()).length, 3 * MIB);
    alice.send("ü".repeat(1.5 * MIB));
    assertEquals((await bob.next()).length, 1.5 * MIB);
    alice.send("ü".repeat(1.5 * MIB) + "x");
    assertEquals((await alice.closed).code, CLOSE.tooBig.code);
    assertEquals((await bob.closed).code, CLOSE.tooBig.code);
  });

  test("a close crosses with its code and reason, behind everything sent before it", async () => {
    await using relay = await start();
    // Over TLS, the runtime's own client may keep the last 64 KiB until it sends something else (denoland/deno#36862).
    using alice = await RawConnection.upgrade(relay, "/connection/alice/bob/doc");
    await using bob = await relay.connect("bob", "alice");
    await greet(bob, alice);
    await alice.write(frameOf(2, new Uint8Array(8 * MIB)));
    await alice.sendText("last words");
    await alice.write(closeFrame(4321, "bye"));
    assertEquals([(await bob.next()).length, await bob.next()], [8 * MIB, "last words"]);
    assertEquals(await bob.closed, { code: 4321, reason: "bye" });
    assertEquals(await alice.readClose(), { code: 4321, reason: "bye" });
  });

  test("a close without a code arrives as 1000, and one without a close frame as 4410", async () => {
    await using relay = await start();
    const [alice, bob] = await relay.pair();
    alice.socket.close();
    assertEquals((await bob.closed).code, 1000);
    const raw = await RawConnection.upgrade(relay, "/connection/carol/dave/doc");
    await using dave = await relay.connect("dave", "carol");
    await greet(dave, raw);
    raw[Symbol.dispose]();
    assertEquals(await dave.closed, CLOSE.peerLost);
    await alice.closed;
  });

  test("a silent peer is noticed within the idle timeout, and its partner hears 4410", async () => {
    // A quarter of it is all that bob has for an answer, in a process that may be busy with other tests.
    await using relay = await start({ idleTimeout: 8 });
    using _silent = await RawConnection.upgrade(relay, "/connection/alice/bob/doc");
    await using bob = await relay.connect("bob", "alice");
    assertEquals(await bob.closed, CLOSE.peerLost);
    _silent[Symbol.dispose]();
  });

  test("a pending connection whose other side does not come is closed with 4408", async () => {
    await using relay = await start({ holdTimeout: 0.05 });
    assertEquals(await (await relay.connect("alice", "bob")).closed, CLOSE.noReciprocal);
  });

  test("the same side again closes the older with 4409 and its partner with 4410, and the newer pairs anew", async () => {
    await using relay = await start();
    const [alice, bob] = await relay.pair();
    await using newer = await relay.connect("alice", "bob");
    assertEquals([await alice.closed, await bob.closed], [CLOSE.superseded, CLOSE.peerLost]);
    await using bobAgain = await relay.connect("bob", "alice");
    newer.send("again");
    assertEquals(await bobAgain.next(), "again");
  });

  test("the counterpart of a pending connection is reminded", async () => {
    await using relay = await start();
    await using bob = await relay.peer("bob", "doc");
    await using _alice = await relay.connect("alice", "bob");
    assertEquals(await bob.heard(), { type: "Introduction", userName: "alice", documentIds: ["doc"] });
  });

  for (const [what, frame] of GARBAGE) {
    test(`${what} leaves the relay and the socket alive, and a valid Join after it works`, async () => {
      await using relay = await start();
      await using bob = await relay.peer("bob", "doc");
      using raw = await RawConnection.upgrade(relay, "/introduction/alice");
      await raw.write(frame);
      await raw.sendText('{"type":"Join","join":["doc"]}');
      assertEquals(await bob.heard(), { type: "Introduction", userName: "alice", documentIds: ["doc"] });
    });
  }

  test("the hundredth malformed message closes with 1008", async () => {
    await using relay = await start();
    const alice = await relay.peer("alice");
    for (let i = 0; i < LIMITS.malformedMessages; i++) alice.send("?");
    assertEquals(await alice.closed, CLOSE.malformed);
  });

  test("frames that break the protocol end that socket, never the relay", async () => {
    await using relay = await start();
    const broken = [
      frameOf(1, Uint8Array.of(0xff)),
      frameOf(3, new Uint8Array()),
      frameOf(1, new Uint8Array(), { first: 0xf1 }),
      frameOf(9, new Uint8Array(200)),
      frameOf(0, new Uint8Array(1)),
      frameOf(8, Uint8Array.of(1)),
      frameOf(8, Uint8Array.of(0x03, 0xee)),
      Uint8Array.of(0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
    ];
    await Promise.all(broken.map(async (frame, i) => {
      using raw = await RawConnection.upgrade(relay, `/connection/alice/bob/${i}`);
      await using bob = await relay.connect("bob", "alice", String(i));
      await greet(bob, raw);
      await raw.write(frame);
      assertEquals(await bob.closed, CLOSE.peerLost);
      await raw.hungUp();
    }));
    await using _alive = await relay.peer("alice");
  });

  test("/ says that the relay runs, to people and to programs", async () => {
    await using relay = await start();
    await using _alice = await relay.peer("alice", "doc");
    const page = await fetchTrusting(relay.http, { headers: { accept: "text/html,*/*;q=0.8" } });
    assertMatch(page.headers.get("content-type")!, /^text\/html/);
    assertStringIncludes(page.headers.get("content-security-policy")!, "default-src 'none'");
    assertStringIncludes(await page.text(), "The relay is");
    const { version, status, peers, connections } = await getJson(relay.http);
    assertEquals({ version, status, peers, connections }, {
      version: VERSION,
      status: "running",
      peers: 1,
      connections: 1,
    });
  });

  for (const [what, request, status, header, body] of ANSWERS) {
    test(`${what} is answered with ${status}`, async () => {
      await using relay = await start();
      using raw = await RawConnection.open(relay);
      await raw.write(request.replace("connection: Upgrade", "connection: Upgrade, close"));
      const head = await raw.readHead();
      assertMatch(head, new RegExp(`^HTTP/1.1 ${status} `));
      if (header !== undefined) {
        assertMatch(new RegExp(`^${header[0]}: (.*)\r$`, "im").exec(head)?.[1] ?? "", header[1]);
      }
      assertMatch(await raw.readBody(head), body);
    });
  }

  test("refusals before the upgrade: token, origin, full, per address, rate", async () => {
    await using relay = await start({ tokens: ["s3cret"], maxConnections: 1, allowOrigins: ["https://a.example"] });
    await assertRejects(() => relay.peer("alice"));
    const page = await fetchTrusting(`${relay.http}/introduction/alice`);
    assertEquals([page.status, (await page.text()).includes("want a WebSocket upgrade")], [426, true]);
    await using _alice = await Peer.open(`${relay.url}/introduction/alice?token=s3cret`);
    assertEquals(await statusOf(relay, "/t/s3cret/introduction/bob"), [503, "5"]);
    assertEquals(await statusOf(relay, "/introduction/bob"), [401, undefined]);
    assertEquals(await statusOf(relay, "/t/s3cret/introduction/bob", { origin: "https://b.example" }), [
      403,
      undefined,
    ]);
  });

  test("who connects to a full relay hears 1013", async () => {
    await using relay = await start({ maxConnections: 1 });
    await using _alice = await relay.peer("alice");
    assertEquals(await (await relay.connect("alice", "bob")).closed, CLOSE.full);
  });

  test("who connects to a relay that drains hears 1012, and nobody is introduced any more", async () => {
    await using relay = await start();
    const alice = await relay.peer("alice", "doc");
    const bob = await relay.peer("bob");
    for (const server of relay.servers) server.drain(600);
    bob.say({ type: "Join", join: ["doc"] });
    assertEquals(await (await relay.connect("bob", "alice")).closed, CLOSE.restarting);
    for (const server of relay.servers) await server.close();
    for (const peer of [alice, bob]) {
      assertEquals(await peer.closed, CLOSE.restarting);
      await assertRejects(() => peer.next(), Error, "the socket was closed");
    }
  });

  test("a relay that has closed keeps nothing of peers with thousands of documents", async () => {
    await using relay = await start();
    const documents = Array.from({ length: 3_000 }, (_, at) => `doc-${at}`);
    const alice = await relay.peer("alice", ...documents);
    const bob = await relay.peer("bob", documents.at(-1)!);
    assertEquals(await bob.heard(), { type: "Introduction", userName: "alice", documentIds: [documents.at(-1)] });
    for (const server of relay.servers) {
      await server.close();
      assertNothingLeft(server);
    }
    for (const peer of [alice, bob]) assertEquals(await peer.closed, CLOSE.restarting);
  });

  test("a request that never ends keeps neither the relay nor what it shares with others from ending", async () => {
    const uncaught: unknown[] = [];
    const report = (event: ErrorEvent) => (event.preventDefault(), uncaught.push(event.error));
    globalThis.addEventListener("error", report);
    const relay = await start();
    using raw = await RawConnection.open(relay);
    await raw.write("POST / HTTP/1.1\r\nhost: relay\r\ncontent-length: 1000\r\n\r\nabc");
    await relay.peer("alice");
    await relay[Symbol.asyncDispose]();
    globalThis.removeEventListener("error", report);
    assertEquals(uncaught, []);
    assertEquals(
      relay.servers.map(({ status }) => status.backplane?.connected ?? false),
      relay.servers.map(() => false),
    );
  });

  test("a handshake that hangs up or is never finished leaves nothing behind", async () => {
    await using relay = await start();
    for (let i = 0; i < 50; i++) {
      using raw = await RawConnection.open(relay);
      await raw.write(handshake(`/introduction/${i}`).slice(0, i % 2 ? undefined : 60));
    }
    await using alice = await relay.peer("alice", "doc");
    await using _bob = await relay.peer("bob", "doc");
    assertEquals(await alice.heard(), { type: "Introduction", userName: "bob", documentIds: ["doc"] });
  });
}

/** An old Deno takes the timers of NATS' client for leaks. */
const withInstances = WITH_TCP.ignore ? () => {} : withProgram;

for (const { name, config: how } of VARIANTS) {
  behaviours(name, (config) => Relay.start({ ...how, ...config }));
  withInstances("nats-server", () => {
    behaviours(`${name}, two instances`, (config) => Relay.startTwo({ ...how, ...config }));
  });
}

Deno.test("two servers in one process share nothing", WITHOUT_LEAKS, async () => {
  await using one = await Relay.start({ maxConnections: 1 });
  await using two = await Relay.start({ maxConnections: 1 });
  await using _alice = await one.peer("alice", "doc");
  await using bob = await two.peer("bob", "doc");
  assertEquals([one.server.status.peers, two.server.status.peers], [1, 1]);
  await two.server.close();
  assertEquals(await bob.closed, CLOSE.restarting);
  assertEquals((await fetch(`${one.http}/readyz`).then((response) => response.text())).trim(), "ready");
});

/** Waits until two are paired: what one says reaches the other. */
async function greet(peer: Peer, raw: RawConnection): Promise<void> {
  peer.send("hello");
  await raw.readFrame();
}

async function statusOf(relay: Relay, path: string, headers?: Record<string, string>) {
  using raw = await RawConnection.open(relay);
  await raw.write(handshake(path, headers));
  const head = await raw.readHead();
  return [Number(head.split(" ")[1]), /^retry-after: (.*)\r$/im.exec(head)?.[1]];
}

async function getJson(url: string) {
  return await (await fetchTrusting(url, { headers: { accept: "application/json" } })).json();
}
