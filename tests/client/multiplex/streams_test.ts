/** Conversations inside the one socket to the relay: how they begin, heal and end. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../../src/protocol.ts";
import { diary, turn } from "../fake_relay.ts";
import { streamOf, WelcomingRelay } from "./welcoming_relay.ts";

const LOST = [CLOSE.peerLost, CLOSE.restarting, CLOSE.slowReader, CLOSE.full];

Deno.test("multiplex: an introduction is answered with a stream, and what is written at once is in the same frame", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected({ documentIds: ["doc", "b"] });
  client.on("peer.connect", ({ socket, documentId }) => {
    socket.write(`about ${documentId}`);
    socket.write(new Uint8Array(3));
  });
  await relay.introduce("bob", "doc", "b");
  assertEquals(relay.introduction.frames.length, 1);
  assertEquals(relay.lines, [
    "open 1 bob doc",
    "open 2 bob b",
    'data 1 "about doc"',
    "data 1 3 bytes",
    'data 2 "about b"',
    "data 2 3 bytes",
  ]);
  assertEquals(relay.sockets.length, 1);
});

Deno.test("multiplex: what comes is heard, in order, from the first word on, whoever listens late", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  await relay.write((frame) => {
    frame.data(1, new TextEncoder().encode("hi"), { text: true, more: false });
    frame.data(1, new Uint8Array([1, 2]), { text: false, more: true });
    frame.data(1, new Uint8Array([3]), { text: false, more: false });
  });
  const heard: unknown[] = [];
  streamOf(client).on("data", (data) => heard.push(data));
  await turn();
  await relay.write((frame) => frame.data(1, new Uint8Array(), { text: false, more: false }));
  assertEquals(heard, ["hi", new Uint8Array([1, 2, 3]).buffer, new ArrayBuffer(0)]);
});

Deno.test("multiplex: an introduction to somebody whose stream is open changes nothing, however often it comes", async () => {
  const relay = new WelcomingRelay();
  const lines = diary(await relay.paired());
  for (let i = 0; i < 6; i++) {
    await relay.introduce("bob");
    await relay.pass(15_000);
  }
  assertEquals([lines, relay.lines], [[], ["open 1 bob doc", "window 1 196608"]]);
});

Deno.test("multiplex: a lost stream is opened again after a while, not joined again, and connected when the other is there", async () => {
  for (const close of LOST) {
    const relay = new WelcomingRelay();
    const client = await relay.paired();
    const lines = diary(client);
    await relay.write((frame) => frame.close(1, close));
    assertEquals([client.has("bob"), relay.lines.length], [false, 2], close.reason);
    await relay.pass(500);
    assertEquals(relay.lines.slice(2), ["open 2 bob doc"], close.reason);
    const lost = lines.filter((line) => !line.startsWith("error"));
    assertEquals([lost, relay.joins], [["peer.disconnect bob doc"], 1], close.reason);
    assertEquals(client.get("bob", "doc"), null, close.reason);
    await relay.pass(20_000);
    await relay.write((frame) => frame.opened(2));
    assertEquals([lines.at(-1), relay.joins], ["peer.connect bob doc", 1], close.reason);
  }
});

Deno.test("multiplex: a stream that is lost again and again is opened later each time", async () => {
  const relay = new WelcomingRelay();
  await relay.paired();
  const waits: number[] = [];
  for (let stream = 1; stream < 6; stream++) {
    await relay.write((frame) => frame.close(stream, CLOSE.peerLost));
    const start = relay.clock.now();
    while (!relay.lines.includes(`open ${stream + 1} bob doc`)) await relay.pass(100);
    waits.push(relay.clock.now() - start);
  }
  assertEquals([waits, relay.joins], [[500, 1000, 2000, 4000, 8000], 1]);
});

Deno.test("multiplex: for whom a stream waited in vain is not waited for again before an introduction", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  await relay.write((frame) => frame.close(1, CLOSE.peerLost));
  await relay.pass(500);
  await relay.write((frame) => frame.close(2, CLOSE.noReciprocal));
  await relay.pass(600_000);
  assertEquals([relay.lines.length, relay.joins, client.has("bob")], [3, 1, false]);
  await relay.introduce("bob");
  assertEquals([relay.lines.at(-1), client.has("bob")], ["open 3 bob doc", true]);
});

Deno.test("multiplex: what was ended on purpose, or taken over by another client of our name, is not opened again", async () => {
  for (const close of [{ code: 1000, reason: "" }, CLOSE.superseded]) {
    const relay = new WelcomingRelay();
    await relay.paired();
    await relay.write((frame) => frame.close(1, close));
    await relay.pass(600_000);
    assertEquals([relay.lines.length, relay.joins], [2, 1], `${close.code}`);
  }
});

Deno.test("multiplex: the application's close goes out behind what it wrote, with its code", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const lines = diary(client);
  const socket = streamOf(client);
  const ends: unknown[] = [];
  socket.on("close", ({ code, reason, wasClean }) => ends.push([code, reason, wasClean]));
  socket.write("last");
  socket.close(4000, "bye");
  socket.write("too late");
  assertEquals(socket.readyState, 2);
  await turn();
  assertEquals(relay.lines.slice(2), ['data 1 "last"', "close 1 4000 bye"]);
  assertEquals([socket.readyState, ends, lines], [3, [[4000, "bye", true]], ["peer.disconnect bob doc"]]);
  socket.on("close", ({ code }) => ends.push(code));
  await turn();
  assertEquals(ends.at(-1), 4000, "whoever listens later hears of it");
});

Deno.test("multiplex: a close without a code is one on purpose, for both ends", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  let code = 0;
  streamOf(client).on("close", (event) => code = event.code);
  streamOf(client).close();
  await relay.pass(60_000);
  assertEquals([relay.lines.at(-1), code, relay.joins], ["close 1 1000", 1005, 1]);
});

Deno.test("multiplex: a relay that crosses our close, or speaks of streams that are over, is not wrong", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const lines = diary(client);
  streamOf(client).close();
  await turn();
  await relay.write((frame) => {
    frame.data(1, new Uint8Array(5), { text: false, more: true });
    frame.window(1, 5);
    frame.close(1, CLOSE.peerLost);
  });
  assertEquals([lines, client.open], [["peer.disconnect bob doc"], true]);
});

Deno.test("multiplex: who leaves a document, or disconnects a peer, closes the stream", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  await relay.introduce("eve");
  client.disconnectPeer("bob");
  client.leave("doc");
  await turn();
  assertEquals(relay.lines.slice(-2).toSorted(), ["close 1 1000", "close 2 1000"]);
  assertEquals(relay.introduction.sent.at(-1), '{"type":"Leave","leave":["doc"]}');
});

Deno.test("multiplex: a refused peer who waits for us is told no, when the relay insists", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  client.disconnectPeer("bob");
  await turn();
  const lines = diary(client);
  for (const ms of [2000, 15_000, 15_000]) {
    await relay.introduce("bob");
    await relay.pass(ms);
  }
  await relay.introduce("bob");
  assertEquals(relay.lines.slice(-2), ["open 2 bob doc", "close 2 1000"]);
  assertEquals(lines, []);
});

Deno.test("multiplex: no more streams than the relay allows: the others wait for a place", async () => {
  const relay = new WelcomingRelay();
  relay.limits.streams = 2;
  const client = await relay.connected();
  for (const name of ["a", "b", "c", "d"]) await relay.introduce(name);
  await relay.pass(60_000);
  assertEquals(relay.lines, ["open 1 a doc", "open 2 b doc"]);
  assertEquals([client.get("c", "doc"), client.pending], [null, 2]);
  client.disconnectPeer("c");
  await relay.write((frame) => frame.close(1, { code: 1000, reason: "" }));
  assertEquals(relay.lines.slice(2), ["open 3 d doc"]);
  assertEquals(streamOf(client, "d").readyState, 1);
});

Deno.test("multiplex: when the socket is lost, so are its streams; the relay is asked once for everything", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const lines = diary(client);
  let end: unknown;
  streamOf(client).on("close", (event) => end = event);
  relay.introduction.end(1006);
  await relay.pass(500);
  await relay.welcome();
  await relay.introduce("bob");
  await relay.pass(10_000);
  assertEquals(end, { code: 1006, reason: "peer connection was lost", wasClean: false });
  assertEquals(lines, ["peer.disconnect bob doc", "server.disconnect", "server.connect", "peer.connect bob doc"]);
  assertEquals([relay.lines, relay.joins], [["open 1 bob doc"], 1]);
});

Deno.test("multiplex: who disconnects closes each stream behind what was written, and then the socket", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  await relay.introduce("eve");
  streamOf(client).write("last");
  client.disconnectServer();
  assertEquals(relay.lines.slice(-3).toSorted(), ["close 1 1000", "close 2 1000", 'data 1 "last"']);
  assertEquals([relay.introduction.closedWith, relay.clock.pending], [1000, 0]);
});

Deno.test("multiplex: who disconnects with more to say than it has credit for stays until it is said, and hears nothing", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const lines = diary(client);
  streamOf(client).write(new Uint8Array(100_000));
  client.disconnectServer();
  await turn();
  assertEquals([relay.introduction.closedWith, client.open], [undefined, false]);
  await relay.introduce("eve");
  await relay.write((frame) => frame.window(1, 100_000));
  assertEquals(relay.dataOf(1).bytes, 100_000);
  assertEquals([relay.lines.at(-1), relay.introduction.closedWith], ["close 1 1000", 1000]);
  assertEquals([lines, relay.clock.pending], [["peer.disconnect bob doc", "server.disconnect"], 0]);
});

Deno.test("multiplex: data without credit delays the end by a minute at most", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const clean: boolean[] = [];
  streamOf(client).on("close", ({ wasClean }) => clean.push(wasClean));
  streamOf(client).write(new Uint8Array(100_000));
  client.disconnectServer();
  await relay.pass(59_000);
  assertEquals(relay.introduction.closedWith, undefined);
  await relay.pass(1_000);
  // Both sides hear that not all arrived.
  assertEquals(clean, [false]);
  const lost = `close 1 ${CLOSE.peerLost.code} ${CLOSE.peerLost.reason}`;
  assertEquals([relay.lines.at(-1), relay.introduction.closedWith], [lost, 1000]);
  assertEquals(relay.clock.pending, 0);
});

Deno.test("multiplex: credit for which nothing can be sent does not delay the end, however often it comes", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const socket = streamOf(client);
  socket.write(new Uint8Array(100_000));
  socket.close(4000, "not all is said");
  for (let second = 0; second < 60; second++) {
    assertEquals(socket.readyState, 2);
    await relay.write((frame) => frame.window(1, 1));
    await relay.pass(1_000);
  }
  assertEquals(relay.lines.at(-1), `close 1 ${CLOSE.peerLost.code} ${CLOSE.peerLost.reason}`);
});

Deno.test("multiplex: who has closed hears nothing more, also while its last words wait for credit", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const socket = streamOf(client);
  const heard: unknown[] = [];
  socket.on("data", (data) => heard.push(data));
  socket.write(new Uint8Array(100_000));
  const say = (text: string) =>
    relay.write((frame) => frame.data(1, new TextEncoder().encode(text), { text: true, more: false }));
  await say("before");
  socket.close();
  await say("after");
  assertEquals([heard, socket.readyState], [["before"], 2]);
});

Deno.test("multiplex: a close waits for data as long as credit comes for it, however slowly", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const socket = streamOf(client);
  socket.write(new Uint8Array(1_000_000));
  socket.close(4000, "all is said");
  for (let granted = 0; granted < 1_000_000; granted += 100_000) {
    assertEquals(socket.readyState, 2);
    await relay.pass(59_000);
    await relay.write((frame) => frame.window(1, 100_000));
  }
  assertEquals([relay.dataOf(1).bytes, relay.lines[relay.lines.length - 1]], [1_000_000, "close 1 4000 all is said"]);
});

Deno.test("multiplex: a relay that lives, but takes nothing more, is left behind a minute later", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  let ended: number | undefined;
  streamOf(client).on("close", ({ code }) => ended = code);
  relay.introduction.bufferedAmount = 2 ** 20;
  streamOf(client).write("last words");
  client.disconnectServer();
  await relay.pass(60_000);
  assertEquals([ended, relay.introduction.closedWith], [undefined, undefined]);
  await relay.pass(5_000);
  assertEquals([ended, relay.introduction.closedWith, relay.clock.pending], [1006, 1000, 0]);
});

Deno.test("multiplex: who disconnects and connects again waits for the old socket to close", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  client.disconnectServer().connectToServer();
  await turn();
  assertEquals([relay.introductions.length, relay.introduction.closedWith], [1, 1000]);
  relay.introduction.end(1000);
  await turn();
  assertEquals(relay.introductions.length, 2);
  client.disconnectServer().connectToServer();
  await turn();
  assertEquals(relay.introductions.length, 3, "a socket that was not welcome has no streams");
});

Deno.test("multiplex: an old socket that does not close is waited for 2 s", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  client.disconnectServer().connectToServer();
  await relay.pass(1_999);
  assertEquals(relay.introductions.length, 1);
  await relay.pass(1);
  assertEquals(relay.introductions.length, 2);
  client.disconnectServer();
  assertEquals(relay.clock.pending, 0);
});
