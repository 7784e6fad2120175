import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Client, PeerClose, PeerSocket } from "../../src/client/mod.ts";
import { diary, FakeRelay, turn } from "./fake_relay.ts";
import { streamOf, WelcomingRelay } from "./multiplex/welcoming_relay.ts";

Deno.test("client: it connects by itself, and says all documents at once", async () => {
  const relay = new FakeRelay();
  const client = relay.client({ documentIds: ["a", "b"] }).join("c");
  const lines = diary(client);
  await turn();
  assertEquals(relay.sockets.map(({ url }) => url), ["ws://relay/introduction/alice?protocol=5"]);
  assertEquals(client.open, false);
  relay.introduction.open();
  await turn();
  assertEquals(relay.heard, [{ type: "Join", join: ["a", "b", "c"], documentIds: ["a", "b", "c"] }]);
  assertEquals([client.open, ...lines], [true, "server.connect"]);
});

Deno.test("client: of what is joined and left in one turn the last word about each document goes out", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected({ documentIds: [] });
  client.join("a").join("b").leave("a").leave("b").join("b").leave("unknown");
  await turn();
  assertEquals(relay.heard.map(({ type, documentIds }) => [type, documentIds]), [
    ["Leave", ["a"]],
    ["Join", ["b"]],
  ]);
});

Deno.test("client: a repeated join asks again", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  client.join("doc");
  await turn();
  assertEquals(relay.joins, 2);
});

Deno.test("client: an introduction leads to a connection, told when it is open", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected({ userName: "alice/1" });
  client.join("döc?");
  const lines = diary(client);
  await relay.introduce("bob", "döc?");
  assertEquals(relay.connection.url, "ws://relay/connection/alice%2F1/bob/d%C3%B6c%3F");
  assertEquals([client.has("bob"), client.get("bob", "döc?")], [true, null]);
  relay.connection.open();
  assertEquals(lines, ["peer.connect bob döc?"]);
  assertStrictEquals(client.get("bob", "döc?") as unknown, relay.connection);
  assertEquals(client.peers.get("bob")?.size, 1);
});

Deno.test("client: binary comes as ArrayBuffer, text as string", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  const heard: unknown[] = [];
  client.on("peer.connect", ({ socket }) => socket.on("data", (data) => heard.push(data)).write("hello"));
  await relay.introduce("bob");
  relay.connection.open();
  relay.connection.receive("text");
  assertEquals([relay.connection.binaryType, heard, relay.connection.sent], ["arraybuffer", ["text"], ["hello"]]);
});

Deno.test("client: introductions to oneself, or about what was left, lead nowhere", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  await relay.introduce("alice");
  client.leave("doc");
  await relay.introduce("bob");
  assertEquals([relay.connections.length, client.peers.size], [0, 0]);
});

Deno.test("client: nonsense from the relay is an error, which nobody has to hear", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  relay.introduction.receive("{");
  const lines = diary(client);
  relay.introduction.receive(
    JSON.stringify({ type: "Introduction", userName: "bob", documentIds: [1, null, ".", "doc"] }),
  );
  relay.introduction.receive("null");
  await turn();
  assertEquals(lines, ["error Cannot understand the relay: want an Introduction, got null"]);
  assertEquals(relay.connections.length, 1, "the good document of a bad list is followed");
});

Deno.test("client: a heartbeat every 25 s", async () => {
  const relay = new FakeRelay();
  await relay.connected();
  await relay.pass(24_999);
  assertEquals(relay.heard.length, 1);
  await relay.pass(50_001);
  assertEquals(relay.heard.slice(1), Array(3).fill({ type: "Heartbeat" }));
});

Deno.test("client: leave closes what is about that document, and nothing else", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected({ documentIds: ["a", "b"] });
  await relay.introduce("bob", "a", "b");
  relay.connections.forEach((socket) => socket.open());
  const lines = diary(client);
  client.leave("a");
  assertEquals([client.has("bob", "a"), client.has("bob", "b"), client.documentIds], [false, true, new Set(["b"])]);
  await turn();
  assertEquals(lines, ["peer.disconnect bob a"]);
  assertEquals(relay.connections.map(({ closedWith }) => closedWith), [1000, undefined]);
});

Deno.test("client: disconnectPeer ends a peer for good, or all peers, until the document is joined again", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  await relay.introduce("eve");
  const lines = diary(client.disconnectPeer("bob"));
  await turn();
  assertEquals(lines, ["peer.disconnect bob doc"]);
  client.disconnectPeer();
  await relay.introduce("bob");
  await relay.introduce("eve");
  assertEquals([relay.connections.length, client.peers.size], [2, 0]);
  client.join("doc");
  await relay.introduce("bob");
  assertEquals([relay.connections.length, client.has("bob"), client.has("eve")], [3, true, false]);
});

Deno.test("client: disconnectServer ends everything, and nothing survives it", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  await relay.introduce("eve"); // still connecting
  const lines = diary(client);
  client.disconnectServer();
  assertEquals([client.open, client.peers.size], [false, 0]);
  await turn();
  assertEquals(lines, ["peer.disconnect bob doc", "server.disconnect"]);
  assertEquals(relay.sockets.map(({ closedWith }) => closedWith), [1000, 1000, 1000]);
  assertEquals([relay.clock.pending, relay.network.count], [0, 0]);
  relay.sockets.forEach((socket) => socket.end());
  await relay.pass(3_600_000);
  assertEquals([relay.sockets.length, lines.length, client.documentIds.size], [3, 2, 1]);
});

Deno.test("client: whoever ends something can listen for its end afterwards", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  client.disconnectServer();
  const lines = diary(client);
  await turn();
  assertEquals(lines, ["peer.disconnect bob doc", "server.disconnect"]);
});

Deno.test("client: connectToServer after disconnectServer brings all documents back", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  client.disconnectPeer("bob").disconnectServer().connectToServer().join("other");
  await turn();
  const lines = diary(client);
  relay.introduction.open();
  await turn();
  assertEquals(relay.heard.map(({ join }) => join), [["doc", "other"]]);
  await relay.introduce("bob");
  relay.connection.open();
  assertEquals(lines, ["server.connect", "peer.connect bob doc"]);
});

Deno.test("client: the end of a connection is told before the next one to the same peer", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired({ documentIds: ["doc", "doc2"] });
  const lines = diary(client);
  streamOf(client).write(new Uint8Array(100_000)); // more than there is credit for
  streamOf(client).close(4000);
  await relay.say({ type: "Introduction", userName: "bob", documentIds: ["doc2", "doc"] });
  await relay.say({ type: "Introduction", userName: "bob", documentIds: ["doc2", "doc"] });
  await relay.pass(1_000);
  const ofDoc = lines.filter((line) => line.endsWith(" bob doc"));
  assertEquals(ofDoc, ["peer.disconnect bob doc", "peer.connect bob doc"]);
});

Deno.test("client: who listened before disconnectServer hears of what connectToServer brings", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  const lines = diary(client);
  client.disconnectServer();
  await turn();
  client.connectToServer();
  await turn();
  relay.introduction.open();
  await relay.introduce("bob");
  relay.connection.open();
  assertEquals(lines, ["peer.disconnect bob doc", "server.disconnect", "server.connect", "peer.connect bob doc"]);
});

Deno.test("client: disconnectServer before anything has opened leaves nothing", async () => {
  const relay = new FakeRelay();
  relay.client().disconnectServer();
  await turn();
  assertEquals([relay.sockets.length, relay.clock.pending, relay.network.count], [0, 0, 0]);
});

Deno.test("client: connectToServer changes nothing while it is connected or connecting", async () => {
  const relay = new FakeRelay();
  const client = relay.client().connectToServer();
  await turn();
  relay.introduction.open();
  client.connectToServer();
  await turn();
  assertEquals(relay.sockets.length, 1);
});

Deno.test("client: disposal waits for all sockets, but not for ever", async () => {
  const relay = new FakeRelay();
  const client = await relay.paired();
  let isDisposed = false;
  const disposal = client[Symbol.asyncDispose]().then(() => isDisposed = true);
  relay.introduction.end(1000);
  await turn();
  assertEquals(isDisposed, false);
  relay.connection.end(1000);
  await disposal;
  assertEquals(relay.clock.pending, 0);

  const stuck = await relay.connected();
  const late = stuck[Symbol.asyncDispose]();
  await relay.pass(5000);
  await late;
});

Deno.test("client: a token is asked for at every connection, and errors do not tell it", async () => {
  const relay = new FakeRelay();
  let asked = 0;
  const client = await relay.connected({ token: () => Promise.resolve(`secret ${++asked}`) });
  const lines = diary(client);
  await relay.introduce("bob");
  assertEquals(relay.sockets.map(({ url }) => new URL(url).searchParams.get("token")), ["secret 1", "secret 2"]);
  relay.connection.dispatchEvent(new ErrorEvent("error", { message: "refused" }));
  relay.connection.end();
  await turn();
  assertEquals(lines, ["error Connection to ws://relay/connection/alice/bob/doc failed: refused"]);
});

Deno.test("client: a token that cannot be had is an error, and asked for again", async () => {
  const relay = new FakeRelay();
  let asked = 0;
  const lines = diary(relay.client({
    token: () => {
      if (++asked === 1) throw new Error("no session");
      return "secret";
    },
  }));
  await turn();
  assertEquals(lines, ["error Connection to ws://relay/introduction/alice failed: no session"]);
  await relay.pass(500);
  assertEquals(relay.introduction.url, "ws://relay/introduction/alice?protocol=5&token=secret");
});

Deno.test("client: whoever disconnects while the token is awaited has no socket later", async () => {
  const relay = new FakeRelay();
  const token = Promise.withResolvers<string>();
  relay.client({ token: () => token.promise }).disconnectServer();
  token.resolve("late");
  await turn();
  assertEquals(relay.sockets.length, 0);
});

Deno.test("client: a token function may disconnect", async () => {
  const relay = new FakeRelay();
  const client: Client = relay.client({
    token: () => {
      client.disconnectServer();
      return "late";
    },
  });
  await turn();
  assertEquals([relay.sockets.length, relay.clock.pending], [0, 0]);
});

Deno.test("client: events know their payloads", () => {
  const client = new FakeRelay().client();
  client.on("peer.connect", ({ documentId, userName, socket }) => {
    documentId satisfies string;
    userName satisfies string;
    socket satisfies PeerSocket & WebSocket;
    socket.on("data", (data) => data satisfies string | ArrayBuffer);
    socket.on("close", (event) => event satisfies PeerClose);
    // @ts-expect-error unknown property
    assert(socket.unknown);
  });
  client.once("error", (error) => error satisfies Error).on("server.connect", () => {});
  // @ts-expect-error there is nothing to be told
  client.on("server.connect", (event) => event);
});
