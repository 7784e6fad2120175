/** Streams and connection sockets in all mixtures, on real sockets: every transport, one instance and two. */

import { assert, assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { type RelayConfig, Server } from "../../src/server/mod.ts";
import { assertNothingLeft } from "../helpers/nothing_left.ts";
import { NatsServer } from "../helpers/nats.ts";
import { Peer } from "../helpers/peer.ts";
import { within } from "../helpers/process.ts";
import { withProgram } from "../helpers/programs.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { VARIANTS } from "../helpers/transports.ts";
import { webSocketTrusting } from "../helpers/trust.ts";
import { PlainClient, type PlainStream } from "./plain_client.js";

const MIB = 1024 * 1024;
/** Within this a word crosses, on a machine that may be busy. */
const TALK_SECONDS = 4;

/** Relays in this process. When they end, nothing may be left of anything. */
class Relays implements AsyncDisposable {
  private constructor(readonly servers: readonly Server[], readonly scheme: string, readonly nats?: NatsServer) {}

  static async start(count: number, config: Partial<RelayConfig>): Promise<Relays> {
    const nats = count > 1 ? await NatsServer.start() : undefined;
    const shared = { port: 0, host: "127.0.0.1", ...config, nats: nats === undefined ? [] : [nats.url] };
    const servers = await Promise.all(Array.from({ length: count }, () => new Server(shared).listen()));
    return new Relays(servers, config.cert === undefined ? "ws" : "wss", nats);
  }

  /** Alice comes to the first, Bob to the last. */
  url(peerId: string): string {
    return `${this.scheme}://127.0.0.1:${this.server(peerId).port}`;
  }

  server(peerId: string): Server {
    return this.servers[peerId === "alice" ? 0 : this.servers.length - 1];
  }

  /** A conversation of Alice on a stream with Bob on a stream, or on a connection socket. */
  async pair(kind: "stream" | "connection"): Promise<[PlainStream, PlainStream | Peer]> {
    const alice = await this.client("alice");
    if (kind === "connection") {
      const bob = await Peer.open(`${this.url("bob")}/connection/bob/alice/doc`);
      const stream = alice.open("bob", "doc");
      await within(alice.until(() => stream.isOpened), "opened");
      return [stream, bob];
    }
    const bob = await this.client("bob");
    const [mine, theirs] = [alice.open("bob", "doc"), bob.open("alice", "doc")];
    await within(Promise.all([alice.until(() => mine.isOpened), bob.until(() => theirs.isOpened)]), "opened");
    return [mine, theirs];
  }

  async client(peerId: string): Promise<PlainClient> {
    const client = new PlainClient(this.url(peerId), peerId, webSocketTrusting).connect([]);
    await within(client.until(() => client.welcome !== undefined), "a Welcome");
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) {
      await server.close();
      assertNothingLeft(server);
    }
    await this.nats?.kill();
  }
}

for (const { name, config } of VARIANTS) {
  Deno.test(`${name}: a bound of messages is one of messages, and not of what they come in, nor of joins`, async () => {
    await using relays = await Relays.start(1, { ...config, maxMessageBytes: 2_000 });
    const [alice, bob] = await relays.pair("stream") as [PlainStream, PlainStream];
    for (let i = 0; i < 20; i++) alice.send("x".repeat(1_000));
    await within(bob.client.until(() => bob.messages.length === 20), "all in one frame");
    const documents = Array.from({ length: 500 }, () => crypto.randomUUID());
    await using carol = await Peer.open(`${relays.url("carol")}/introduction/carol`);
    carol.say({ type: "Join", join: documents });
    await using dave = await Peer.open(`${relays.url("dave")}/introduction/dave`);
    dave.say({ type: "Join", join: documents.slice(-1) });
    assertEquals(await dave.heard(), { type: "Introduction", userName: "carol", documentIds: documents.slice(-1) });
    alice.send("x".repeat(2_001));
    await within(alice.client.until(() => alice.close_ !== undefined), "the end of the stream");
    assertEquals(alice.close_, CLOSE.tooBig);
  });
}

for (const { name, config, isTls, transport } of VARIANTS) {
  // Deno's own WebSockets with TLS need 40 s for one frame of 64 MiB, also between two connection sockets.
  behaviours(name, () => Relays.start(1, config), isTls && transport === "deno" ? 8 * MIB : 64 * MIB);
}
withProgram("nats-server", () => {
  for (const { name, config } of VARIANTS.filter(({ isTls }) => !isTls)) {
    behaviours(`${name}, two instances`, () => Relays.start(2, config));
  }
});

function behaviours(name: string, start: () => Promise<Relays>, largest = 64 * MIB): void {
  for (const kind of ["stream", "connection"] as const) {
    Deno.test(`${name}: messages of all sizes cross between a stream and a ${kind}, both ways at once`, async () => {
      await using relays = await start();
      const [alice, bob] = await relays.pair(kind);
      const sizes = [0, 1, 125, 126, 32_768, 65_536, 65_537, 262_145, 0, MIB, 5 * MIB + 1];
      const messages = sizes.flatMap((size) => [new Uint8Array(size).fill(size % 251), "ü".repeat(size / 2)]);
      for (const message of messages) {
        alice.send(message as Uint8Array<ArrayBuffer>);
        bob.send(message as Uint8Array<ArrayBuffer>);
      }
      for (const message of messages) assert(isEqual(await next(bob), message), `to bob: ${message.length}`);
      for (const message of messages) assert(isEqual(await next(alice), message), `to alice: ${message.length}`);
      await end(alice, bob);
    });

    Deno.test(`${name}: a message of the largest size crosses between a stream and a ${kind}`, async () => {
      await using relays = await start();
      const [alice, bob] = await relays.pair(kind);
      const message = new Uint8Array(largest - 1).fill(7);
      alice.send(message);
      assert(isEqual(await next(bob), message));
      await end(alice, bob);
    });

    Deno.test(`${name}: a close crosses behind the data, both ways, between a stream and a ${kind}`, async () => {
      for (const first of [0, 1]) {
        await using relays = await start();
        const pair = await relays.pair(kind);
        const [closing, other] = [pair[first], pair[1 - first]];
        closing.send(new Uint8Array(300_000));
        closing.send("last words");
        // A client's own close drops what has no credit: this one waits until all is on its way.
        if ("client" in closing) await within(closing.client.until(() => closing.isFlushed), "credit");
        if (closing instanceof Peer) closing.socket.close(4321, "bye");
        else closing.close(4321, "bye");
        assertEquals((await next(other) as Uint8Array).length, 300_000);
        assertEquals(await next(other), "last words");
        assertEquals(await closed(other), { code: 4321, reason: "bye" });
        await end(...pair);
      }
    });

    Deno.test(`${name}: who vanishes is lost for its partner: a stream and a ${kind}`, async () => {
      await using relays = await start();
      const [alice, bob] = await relays.pair(kind);
      alice.client.drop();
      assertEquals(await closed(bob), CLOSE.peerLost);
      await end(alice, bob);
    });
  }

  Deno.test(`${name}: pings of a connection socket are answered although its partner is a stream`, async () => {
    await using relays = await start();
    const alice = await relays.client("alice");
    const stream = alice.open("bob", "doc");
    const path = "/connection/bob/alice/doc";
    using bob = await RawConnection.upgrade({ port: relays.server("bob").port, isTls: relays.scheme === "wss" }, path);
    await within(alice.until(() => stream.isOpened), "opened");
    await bob.write(frameOf(9, Uint8Array.of(1, 2, 3)));
    await bob.sendText("behind the ping");
    assertEquals(await next(stream), "behind the ping");
    for (;;) {
      const frame = await bob.readFrame();
      if (frame?.opcode !== 10) continue;
      assertEquals([...frame.payload], [1, 2, 3]);
      break;
    }
    alice.leave();
    await alice.closed;
  });

  Deno.test(`${name}: 40 MiB to a slow reader arrive, nobody is cut, and another stream does not wait`, async () => {
    await using relays = await start();
    const [alice, bob] = [await relays.client("alice"), await relays.client("bob")];
    const open = (documentId: string) => [alice.open("bob", documentId), bob.open("alice", documentId)] as const;
    const [bulk, slow] = open("bulk");
    const [small, quick] = open("small");
    await within(bob.until(() => slow.isOpened && quick.isOpened), "opened");
    slow.isReading = false;
    for (let i = 0; i < 40; i++) bulk.send(new Uint8Array(MIB).fill(i));
    for (let i = 0; i < 50; i++) {
      small.send(`message ${i}`);
      assertEquals(await next(quick), `message ${i}`);
    }
    assert(slow.messages.length < 2);
    assert(relays.servers.every((server) => server.status.bufferedBytes < 2 * MIB));
    slow.read();
    for (let i = 0; i < 40; i++) assert(isEqual(await next(slow), new Uint8Array(MIB).fill(i)));
    await end(bulk, slow);
  });

  Deno.test(`${name}: a drain asks to go away, lets conversations live, and ends them with 1012`, async () => {
    const relays = await start();
    const [alice, bob] = await relays.pair("stream");
    const ended = Promise.all(relays.servers.map((server) => server.drain(LIMITS.endMs / 1000 + TALK_SECONDS)));
    await within(
      alice.client.until(() => alice.client.said.some(({ type }: { type: string }) => type === "GoAway")),
      "GoAway",
    );
    alice.send("still here");
    assertEquals(await next(bob), "still here");
    await ended;
    assertEquals((await within(alice.client.closed as Promise<{ code: number }>, "the end")).code, 1012);
    assertEquals(alice.close_, CLOSE.restarting);
    await relays.nats?.kill();
  });
}

/** The next message, come or yet to come. */
async function next(end: PlainStream | Peer): Promise<string | Uint8Array> {
  if (end instanceof Peer) return await end.next();
  await within(end.client.until(() => end.messages.length > 0 || end.close_ !== undefined), "a message");
  if (end.messages.length === 0) throw new Error(`the stream ended: ${JSON.stringify(end.close_)}`);
  return end.messages.shift();
}

async function closed(end: PlainStream | Peer): Promise<{ code: number; reason: string }> {
  if (end instanceof Peer) return await end.closed;
  await within(end.client.until(() => end.close_ !== undefined), "a close");
  return end.close_;
}

async function end(...ends: (PlainStream | Peer)[]): Promise<void> {
  for (const end of ends) {
    if (end instanceof Peer) await end[Symbol.asyncDispose]();
    else end.client.leave();
  }
  for (const end of ends) if (!(end instanceof Peer)) await within(end.client.closed, "the end of a socket");
}

function isEqual(one: string | Uint8Array, other: string | Uint8Array): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
