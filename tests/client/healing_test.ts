import { assert, assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { chance } from "./chance.ts";
import { diary, FakeRelay, turn } from "./fake_relay.ts";

const DROPS = [0, 1006, 1011, 1012, 1013, 4408, 4410];

Deno.test("healing: a lost relay is tried again, later each time, and told once", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  const lines = diary(client);
  const bounds: number[] = [];
  for (let i = 0; i < 8; i++) {
    bounds.push(client.retryDelay);
    relay.introduction.end();
    await relay.pass(bounds[i]);
  }
  assertEquals(relay.introductions.length, 9);
  assertEquals(bounds, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assertEquals(lines, ["server.disconnect"]);
});

Deno.test("healing: joins and leaves while the relay is away are not lost", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected({ documentIds: ["a", "b"] });
  relay.introduction.end(1012);
  client.join("c").leave("a");
  await relay.pass(500);
  relay.introduction.open();
  await turn();
  assertEquals(relay.heard.map(({ type, join }) => [type, join]), [["Join", ["b", "c"]]]);
});

Deno.test("healing: a relay that does not answer is given up after 10 s", async () => {
  const relay = new FakeRelay();
  const lines = diary(relay.client());
  await turn();
  await relay.pass(10_000);
  assertEquals(lines, ["error Connection to ws://relay/introduction/alice failed: no answer in 10 s"]);
  assertEquals(relay.introduction.closedWith, 1000);
  await relay.pass(500);
  assertEquals(relay.introductions.length, 2);
});

Deno.test("healing: a hundred clients that were dropped together come back one by one", async () => {
  const relay = new FakeRelay();
  relay.random = chance(3);
  const clients = Array.from({ length: 100 }, (_, i) => relay.client({ userName: `${i}` }));
  await turn();
  relay.sockets.forEach((socket) => socket.end());
  await turn();
  const arrivals: number[] = [];
  for (let ms = 0; ms < 500; ms += 25) {
    const before = relay.sockets.length;
    await relay.pass(25);
    arrivals.push(relay.sockets.length - before);
  }
  assertEquals(arrivals.reduce((sum, count) => sum + count), 100);
  assert(Math.max(...arrivals) <= 15, `in 25 ms each: ${arrivals}`);
  clients.forEach((client) => client.disconnectServer());
});

Deno.test("healing: a lost peer is asked for again, however it was lost", async () => {
  for (const code of DROPS) {
    const relay = new FakeRelay();
    const client = await relay.paired();
    const lines = diary(client);
    relay.connection.end(code);
    await turn();
    assertEquals([client.has("bob"), relay.joins], [false, 1], `${code}`);
    await relay.pass(500);
    assertEquals(relay.joins, 2, `${code}`);
    await relay.introduce("bob");
    relay.connection.open();
    const told = lines.filter((line) => line.startsWith("peer."));
    assertEquals(told, ["peer.disconnect bob doc", "peer.connect bob doc"], `${code}`);
  }
});

Deno.test("healing: a connection that the relay has no room for is an error, and tried later each time", async () => {
  const relay = new FakeRelay();
  const lines = diary(await relay.paired());
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    // Longer than what is trusted otherwise.
    await relay.pass(20_000);
    const endedAt = relay.clock.now();
    const joins = relay.joins;
    relay.connection.end(CLOSE.slowReader.code, CLOSE.slowReader.reason);
    while (relay.joins === joins) await relay.pass(500);
    waits.push(relay.clock.now() - endedAt);
    await relay.introduce("bob");
    relay.connection.open();
  }
  assertEquals(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  const errors = lines.filter((line) => line.startsWith("error"));
  const error = "error Connection to ws://relay/connection/alice/bob/doc was closed: 1013 peer reads too slowly";
  assertEquals(errors, Array(8).fill(error));
  await relay.pass(60_000);
  relay.connection.end(1012);
  await relay.pass(500);
  assertEquals(relay.joins, 10);
});

Deno.test("healing: what a peer ended on purpose is not asked for, but followed when introduced", async () => {
  for (const code of [1000, 1005]) {
    const relay = new FakeRelay();
    await relay.paired();
    relay.connection.end(code);
    await relay.pass(3_600_000);
    assertEquals([relay.joins, relay.connections.length], [1, 1], `${code}`);
    await relay.introduce("bob");
    assertEquals(relay.connections.length, 2, `${code}`);
  }
});

Deno.test("healing: what the application closes is not asked for", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  client.get("bob", "doc")!.close();
  relay.connection.end(relay.connection.closedWith);
  await relay.pass(60_000);
  assertEquals(relay.joins, 1);
});

Deno.test("healing: ten peers lost together are asked for with one join", async () => {
  const relay = new FakeRelay();
  relay.random = chance(4);
  await relay.connected();
  for (let i = 0; i < 10; i++) await relay.introduce(`peer ${i}`);
  relay.connections.forEach((socket) => socket.open());
  relay.connections.forEach((socket) => socket.end(1012));
  await relay.pass(10_000);
  assertEquals(relay.joins, 2);
});

Deno.test("healing: the other side may ask first", async () => {
  const relay = new FakeRelay();
  await relay.paired();
  relay.connection.end(4410);
  await relay.introduce("bob");
  assertEquals(relay.connections.length, 2);
  relay.connection.open();
  await relay.pass(24_000);
  assertEquals(relay.joins, 1);
});

Deno.test("healing: a peer that cannot be reached is asked for again, later each time", async () => {
  const relay = new FakeRelay();
  await relay.connected();
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    await relay.introduce("bob");
    relay.connection.end();
    const [joins, start] = [relay.joins, relay.clock.now()];
    while (relay.joins === joins) await relay.pass(100);
    waits.push(relay.clock.now() - start);
  }
  assertEquals(waits, [500, 1000, 2000, 4000]);
});

Deno.test("healing: a peer that does not come back is forgotten after one join", async () => {
  const relay = new FakeRelay();
  await relay.paired();
  relay.connection.end(4410);
  await relay.pass(60_000);
  assertEquals(relay.joins, 2);
  assertEquals(relay.clock.pending, 1, "the heartbeat alone");
});

Deno.test("healing: a restarted relay is asked once for everything", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  const lines = diary(client);
  relay.sockets.forEach((socket) => socket.end(1012));
  await relay.pass(500); // the peer's turn comes while the relay is away
  relay.introduction.open();
  await relay.pass(10_000);
  assertEquals(relay.joins, 1);
  await relay.introduce("bob");
  relay.connection.open();
  await turn();
  assertEquals(lines, ["server.disconnect", "peer.disconnect bob doc", "server.connect", "peer.connect bob doc"]);
});

Deno.test("healing: connections to peers outlive the relay's introduction socket", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  relay.introduction.end();
  await relay.pass(500);
  relay.introduction.open();
  await relay.introduce("bob");
  assertEquals([client.has("bob"), relay.connections.length, relay.connection.closedWith], [true, 1, undefined]);
});

Deno.test("healing: a peer who returns while our connection to its past is open", async () => {
  const relay = new FakeRelay();
  await relay.paired();
  await relay.introduce("bob"); // its page was loaded again
  assertEquals(relay.connections.length, 1, "what seems open is kept");
  relay.connection.end(4410); // the relay notices the new connection
  await relay.pass(500);
  assertEquals(relay.joins, 2);
});

Deno.test("healing: an introduction while the old socket is closing is followed, and its late end is not heard", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  const lines = diary(client);
  const old = relay.connection;
  client.get("bob", "doc")!.close(1000);
  await relay.introduce("bob");
  relay.connection.open();
  old.end(1006);
  await relay.pass(10_000);
  assertEquals(lines, ["peer.disconnect bob doc", "peer.connect bob doc"]);
  assertEquals([client.has("bob", "doc"), relay.joins], [true, 1]);
});

Deno.test("healing: a dead connection is replaced when the relay insists", async () => {
  const relay = new FakeRelay();
  const lines = diary(await relay.paired());
  await relay.introduce("bob");
  await relay.pass(2000);
  await relay.introduce("bob");
  await relay.pass(15_000);
  assertEquals(relay.connections.length, 1);
  await relay.introduce("bob");
  assertEquals([relay.connections.length, relay.connections[0].closedWith], [2, 1000]);
  relay.connection.open();
  assertEquals(lines, ["peer.disconnect bob doc", "peer.connect bob doc"]);
});

Deno.test("healing: a connection that brings anything is alive, whatever the relay says", async () => {
  const relay = new FakeRelay();
  await relay.paired();
  for (let i = 0; i < 10; i++) {
    await relay.introduce("bob");
    await relay.pass(15_000);
    relay.connection.receive("still here");
  }
  assertEquals(relay.connections.length, 1);
});

Deno.test("healing: introductions that we asked for ourselves are no insistence", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  for (let i = 0; i < 10; i++) {
    client.join("doc");
    await relay.introduce("bob");
    await relay.pass(15_000);
  }
  assertEquals(relay.connections.length, 1);
});

Deno.test("healing: who was superseded by another tab does not fight it, until the relay insists", async () => {
  const relay = new FakeRelay();
  const lines = diary(await relay.paired());
  relay.connection.end(4409);
  await relay.introduce("bob"); // bob lost a connection too, and asks
  await relay.pass(60_000);
  assertEquals([relay.joins, relay.connections.length], [1, 1]);
  for (const wait of [2000, 15_000, 0]) { // the other tab was closed: bob is not answered
    await relay.introduce("bob");
    await relay.pass(wait);
  }
  relay.connection.open();
  assertEquals(lines, ["peer.disconnect bob doc", "peer.connect bob doc"]);
});

Deno.test("healing: leave and disconnectPeer are not undone", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  client.disconnectPeer("bob");
  relay.connection.end(1000);
  await relay.introduce("bob");
  relay.introduction.end();
  await relay.pass(500);
  relay.introduction.open();
  await relay.introduce("bob");
  assertEquals([relay.connections.length, client.has("bob")], [1, false]);
});

Deno.test("healing: a peer that waits for one who disconnected it is answered and left, unseen", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  client.disconnectPeer("bob");
  await turn();
  const lines = diary(client);
  for (const wait of [2000, 15_000, 0]) {
    await relay.introduce("bob");
    await relay.pass(wait);
  }
  assertEquals([relay.connections.length, client.has("bob")], [2, false]);
  relay.connection.open();
  assertEquals([relay.connection.closedWith, lines.length], [1000, 0]);
  relay.connection.end(1000);
  await relay.pass(20_000);
  assertEquals(relay.connections.length, 2);
});

Deno.test("healing: leaving ends the wait for a lost peer", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  relay.connection.end(4410);
  client.leave("doc");
  await relay.pass(10_000);
  assertEquals([relay.joins, relay.clock.pending], [1, 1]);
});

Deno.test("healing: who leaves when told of an error is not joined again", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  client.on("error", () => client.leave("doc"));
  relay.connection.dispatchEvent(new ErrorEvent("error", { message: "cut" }));
  relay.connection.end();
  await relay.pass(10_000);
  assertEquals([relay.joins, relay.clock.pending], [1, 1]);
});

Deno.test("healing: when the network is back, nobody waits", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  for (let i = 0; i < 10; i++) {
    relay.introduction.end();
    await relay.pass(30_000);
  }
  relay.introduction.end();
  await relay.pass(1);
  const before = relay.introductions.length;
  relay.network.dispatchEvent(new Event("online"));
  await turn();
  assertEquals(relay.introductions.length, before + 1);
  relay.introduction.open();
  await relay.pass(60_000);
  assertEquals([relay.introductions.length, client.open], [before + 1, true]);
});

Deno.test("healing: a relay connection that lived through an offline time is replaced", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  const lines = diary(client);
  relay.network.dispatchEvent(new Event("online"));
  await turn();
  assertEquals(relay.introductions.length, 1, "it was never away");
  relay.network.dispatchEvent(new Event("offline"));
  relay.network.dispatchEvent(new Event("online"));
  await turn();
  relay.introduction.open();
  await turn();
  assertEquals(relay.introductions[0].closedWith, 1000);
  assertEquals([relay.joins, client.has("bob")], [1, true]);
  assertEquals(lines, ["server.disconnect", "server.connect"]);
});
