import { assert, assertEquals } from "@std/assert";
import { CLOSE, RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { FakeSocket, PausableSocket } from "../helpers/fakes.ts";
import { EVERYTHING, MuxHouse } from "./mux_house.ts";

const WELCOME = {
  type: "Welcome",
  protocol: 5,
  limits: { messageBytes: 67_108_864, documents: 10_000, streams: 16_384, windowBytes: 262_144 },
  heartbeatSeconds: 15,
} as const;
const JOIN = { type: "Join", join: ["doc"] };

Deno.test("the first frame is a Welcome, also when the client has spoken first", () => {
  const house = new MuxHouse();
  const client = house.client("alice");
  client.say(JOIN);
  client.read();
  assertEquals(client.said, [WELCOME]);
  client.socket.vanish();
  house.assertEmpty();
});

Deno.test("introductions cross to and from classic clients, and those of one turn are one frame", () => {
  const house = new MuxHouse();
  const [alice, carol] = [house.client("alice"), new FakeSocket()];
  house.introducer.welcome("carol", carol);
  carol.say({ type: "Join", join: ["doc", "other"] });
  const peers = Array.from({ length: 10 }, (_, i) => house.client(`peer ${i}`));
  for (const peer of peers) peer.socket.receive(JSON.stringify([JOIN]));
  house.turn();
  // One object is taken like an array.
  alice.socket.receive(JSON.stringify({ type: "Join", join: ["doc", "other"] }));
  house.turn();
  alice.read();
  const names = alice.said.flatMap((message) => message.type === "Introduction" ? [message.userName] : []);
  assertEquals(names.sort(), ["carol", ...peers.map((_, i) => `peer ${i}`)].sort());
  assertEquals(alice.controlFrames, 2);
  assertEquals(carol.heard.at(-1), { type: "Introduction", userName: "alice", documentIds: ["doc", "other"] });
  alice.say({ type: "Leave", leave: ["other"] }, { type: "Later" }, { type: "Heartbeat", later: true });
  assertEquals(house.introducer.counts.documents, 2);
  assertEquals(house.counters.malformed.size, 0);
});

Deno.test("heartbeats are answered, once a turn", () => {
  const house = new MuxHouse();
  const client = house.client("alice");
  for (let i = 0; i < 3; i++) client.socket.receive('{"type":"Heartbeat"}');
  house.turn();
  client.say({ type: "Heartbeat" });
  client.read();
  assertEquals(client.said, [WELCOME, { type: "Heartbeat" }, { type: "Heartbeat" }]);
});

Deno.test("an introduction of ten thousand documents comes in frames of at most 64 KiB, and loses none", () => {
  const house = new MuxHouse();
  const documents = Array.from({ length: 10_000 }, (_, i) => `document number ${i} ü`);
  const [alice, bob] = [house.client("alice"), house.client("bob")];
  alice.say({ type: "Join", join: documents });
  bob.say({ type: "Join", join: documents });
  for (const client of [alice, bob]) {
    client.read();
    const texts = client.socket.sent as string[];
    assert(texts.every((text) => new TextEncoder().encode(text).byteLength <= WIRE_LIMITS.controlFrameBytes));
    const introduced = client.said.flatMap((said) => said.type === "Introduction" ? said.documentIds : []);
    assertEquals(introduced, documents);
  }
});

Deno.test("what is no message is counted, and a hundred of them end the socket", () => {
  const house = new MuxHouse();
  const client = house.client("alice");
  client.socket.receive("{");
  client.socket.receive('[1, null, {}, {"type":"Join"}]');
  assertEquals(client.socket.closedWith, undefined);
  client.socket.receive(`[${Array(1_000).fill("0").join(",")}]`);
  assertEquals(client.socket.closedWith, { code: 1008, reason: "too many malformed messages" });
  const malformed = Object.fromEntries(house.counters.malformed);
  assertEquals(malformed, { "not JSON": 1, "not an object": 97, "unknown type": 1, "no list of documents": 1 });
});

Deno.test("rates count messages, not frames, also those that are not known", () => {
  for (const message of [{ type: "Heartbeat" }, { type: "Later" }, JOIN]) {
    const client = new MuxHouse().client("alice");
    for (let i = 0; i < LIMITS.messageBurst / 1_000; i++) {
      client.socket.receive(JSON.stringify(Array(1_000).fill(message)));
    }
    assertEquals(client.socket.closedWith, undefined);
    client.socket.receive(JSON.stringify([message]));
    assertEquals(client.socket.closedWith, { code: 1008, reason: "too many messages" });
  }
});

Deno.test("a text frame of more than 1 MiB is malformed, however little is in it", () => {
  const house = new MuxHouse();
  const client = house.client("alice");
  client.socket.receive(JSON.stringify([JOIN]).padEnd(WIRE_LIMITS.introductionBytes + 1));
  assertEquals(Object.fromEntries(house.counters.malformed), { "too big": 1 });
  assertEquals(house.introducer.counts.documents, 0);
});

Deno.test("documents that a Join did not get are named, with the reason", () => {
  const house = new MuxHouse();
  let expiresAt = Date.now() + 3_600_000;
  const allowsDocument = (id: string) => Date.now() < expiresAt && id.startsWith("mine/");
  const alice = house.client("alice", {
    ...EVERYTHING,
    allowsDocument,
    get expiresAt() {
      return expiresAt;
    },
  });
  alice.say({ type: "Join", join: ["mine/1", "yours/1", "yours/2"] });
  expiresAt = Date.now() - 1;
  alice.say({ type: "Join", join: ["mine/2"] });
  alice.read();
  assert("expiresInSeconds" in alice.said[0] && Math.round(alice.said[0].expiresInSeconds!) === 3_600);
  assertEquals<unknown>(alice.said.slice(1), [
    { type: "Refusal", join: ["yours/1", "yours/2"], reason: "forbidden" },
    { type: "Refusal", join: ["mine/2"], reason: "expired" },
  ]);
  const bob = house.client("bob");
  bob.say({ type: "Join", join: Array.from({ length: 10_000 }, (_, i) => `${i}`) });
  bob.say({ type: "Join", join: ["one more"] });
  bob.read();
  assertEquals<unknown>(bob.said.at(-1), { type: "Refusal", join: ["one more"], reason: "full" });
});

Deno.test("who asks for too many documents, again and again, is told so each time, and keeps what it has", () => {
  const house = new MuxHouse();
  const bob = house.client("bob");
  bob.say({ type: "Join", join: Array.from({ length: 10_000 }, (_, i) => `${i}`) });
  for (let i = 0; i < 2 * LIMITS.malformedMessages; i++) bob.say({ type: "Join", join: [`more ${i}`] });
  bob.read();
  const refusals = bob.said.filter(({ type }) => type === "Refusal");
  assertEquals([refusals.length, bob.socket.closedWith], [2 * LIMITS.malformedMessages, undefined]);
  assertEquals(house.introducer.counts.documents, 10_000);
});

Deno.test("who may not have a document any more is not reminded of it", () => {
  const house = new MuxHouse({ permitOf: () => ({ ...EVERYTHING, allowsDocument: () => false }) });
  const alice = house.client("alice");
  alice.say({ type: "Join", join: ["doc"] });
  alice.say({ type: "Token", token: "narrower" });
  house.introducer.remindHere({ localId: "bob", remoteId: "alice", documentId: "doc" });
  house.turn();
  alice.read();
  assertEquals(alice.said.filter(({ type }) => type === "Introduction"), []);
});

Deno.test("the longest documents are refused in frames that keep the bound", () => {
  const client = new MuxHouse().client("alice", { ...EVERYTHING, allowsDocument: () => false });
  const ids = Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(512, "\u0001"));
  client.say({ type: "Join", join: ids });
  client.read();
  assertEquals(client.said.flatMap((said) => said.type === "Refusal" ? said.join : []), ids);
  assert(client.socket.sent.every((text) => (text as string).length <= WIRE_LIMITS.controlFrameBytes));
});

Deno.test("a Token replaces what is permitted, for joins and opens, and is answered by a Welcome", () => {
  const one = { allowsPeer: (id: string) => id === "alice", allowsDocument: (id: string) => id === "one" };
  const two = { ...one, allowsDocument: (id: string) => id === "two" };
  const house = new MuxHouse({ permitOf: (token) => token === "second" ? two : undefined });
  const client = house.client("alice", one);
  client.say({ type: "Token", token: "second" });
  client.say({ type: "Join", join: ["one", "two"] });
  client.open({ userName: "bob", documentId: "one" });
  client.open({ userName: "bob", documentId: "two" });
  client.read();
  assertEquals<unknown>(client.said, [WELCOME, WELCOME, { type: "Refusal", join: ["one"], reason: "forbidden" }]);
  assertEquals(client.on(1).close, { code: 1008, reason: "token does not permit this" });
  assertEquals(client.on(2).close, undefined);
});

for (const token of ["unknown", 5, undefined]) {
  Deno.test(`the Token ${token} ends the socket, as does one for another peer`, () => {
    const permit = { ...EVERYTHING, allowsPeer: (id: string) => id === "bob" };
    const house = new MuxHouse({ permitOf: (shown) => shown === "bob's" ? permit : undefined });
    for (const shown of [token, "bob's"]) {
      const client = house.client("alice");
      client.say({ type: "Token", token: shown });
      assertEquals(client.socket.closedWith, { code: 1008, reason: "token is not valid" });
      assertEquals(house.introducer.counts.peers, 0);
    }
  });
}

Deno.test("who is asked to go away keeps its conversations, and gets no new ones", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  for (const socket of house.introducer.sockets()) socket.goAway?.(4);
  alice.open({ userName: "carol", documentId: "doc" });
  alice.text(1, "still here");
  alice.read();
  assertEquals(alice.said.at(-1), { type: "GoAway", reconnectWithinSeconds: 4 });
  assertEquals(alice.on(2).close, { code: 1012, reason: "relay is restarting" });
  assertEquals(bob.on(1).messages, ["still here"]);
});

Deno.test("to a socket that is full nothing is said; then frame after frame, as it takes them", () => {
  const house = new MuxHouse();
  const client = house.client("alice", { ...EVERYTHING, allowsDocument: () => false });
  const ids = Array.from({ length: 1_000 }, (_, i) => `${i}`.padEnd(500, "."));
  const sent = client.socket.sent.length;
  client.socket.backlog = LIMITS.socketBacklogBytes + 1;
  client.say({ type: "Join", join: ids });
  house.clock.pass(100);
  assertEquals(client.socket.sent.length, sent);
  // It takes one frame, and is full again.
  const send = client.socket.send.bind(client.socket);
  client.socket.send = (frame) => {
    send(frame);
    client.socket.backlog = LIMITS.socketBacklogBytes + 1;
  };
  const heard = () => {
    client.read();
    return client.said.flatMap((said) => said.type === "Refusal" ? said.join : []);
  };
  for (let frames = 1; heard().length < ids.length; frames++) {
    client.socket.drain();
    house.turn();
    assertEquals(client.socket.sent.length, sent + frames);
  }
  assertEquals(heard(), ids);
});

Deno.test("who does not read what it was refused is closed, as who does not read introductions is", () => {
  const house = new MuxHouse();
  const client = house.client("alice", { ...EVERYTHING, allowsDocument: () => false });
  const ids = Array.from({ length: 1_000 }, (_, i) => `${i}`.padEnd(500, "."));
  client.socket.backlog = LIMITS.socketBacklogBytes + 1;
  let joins = 0;
  for (; client.socket.closedWith === undefined && joins < 100; joins++) client.say({ type: "Join", join: ids });
  assertEquals([client.socket.closedWith, joins], [CLOSE.slowReader, 5]);
});

Deno.test("to show tokens is charged: ten thousand cost all that a socket may, at once", () => {
  let shown = 0;
  const house = new MuxHouse({ permitOf: () => (shown += 1, EVERYTHING) });
  const client = house.client("alice");
  for (let i = 0; i < 12; i++) client.say(...Array(1_000).fill({ type: "Token", token: "t" }));
  assertEquals(client.socket.closedWith, CLOSE.flooding);
  assert(shown > 9_000 && shown <= LIMITS.workBurst / LIMITS.tokenWork, `${shown} tokens were looked at`);
});

Deno.test("opens are paid from the same budget as all other work", () => {
  const house = new MuxHouse({ permitOf: () => EVERYTHING });
  const alice = house.client("alice");
  const tokens = Math.floor(LIMITS.workBurst / LIMITS.tokenWork) - 1_000;
  for (let left = tokens; left > 0; left -= 1_000) {
    alice.say(...Array(Math.min(left, 1_000)).fill({ type: "Token", token: "t" }));
  }
  assertEquals(alice.socket.closedWith, undefined);
  let opened = 0;
  while (alice.socket.closedWith === undefined && opened < LIMITS.openBurst) {
    alice.close(alice.open({ userName: "bob", documentId: "doc" }));
    opened += 1;
  }
  assertEquals(alice.socket.closedWith, CLOSE.flooding);
  assert(opened <= 1_000 * LIMITS.tokenWork / LIMITS.openWork, `${opened} streams were opened`);
});

Deno.test("whose messages wait to be heard is not read on, until they are", () => {
  const house = new MuxHouse();
  const socket = new PausableSocket();
  house.multiplexer.welcome("alice", socket, EVERYTHING);
  const now = house.clock.now.bind(house.clock);
  let looks = 0;
  house.clock.now = () => now() + 10 * looks++;
  socket.receive(JSON.stringify(Array(1_000).fill({ type: "Heartbeat" })));
  const text = JSON.stringify([{ type: "Later", text: "x".repeat(LIMITS.pauseUnheardBytes / 2) }]);
  socket.receive(text);
  assertEquals(socket.isPaused, false);
  socket.receive(text);
  assertEquals(socket.isPaused, true);
  house.clock.now = now;
  house.clock.pass(1_000);
  assertEquals(socket.isPaused, false);
});

Deno.test("a frame full of messages is heard in turns, in order, and others are heard in between", () => {
  let shown = 0;
  const house = new MuxHouse({ permitOf: () => (shown += 1, EVERYTHING) });
  const [alice, bob] = [house.client("alice"), house.client("bob")];
  // Time passes as tokens are looked at.
  const now = house.clock.now.bind(house.clock);
  house.clock.now = () => now() + shown / 5;
  alice.socket.receive(JSON.stringify([...Array(500).fill({ type: "Token", token: "t" }), JOIN]));
  assert(shown < 100, `${shown} tokens were looked at in one turn`);
  // What follows keeps its place behind the messages.
  alice.open({ userName: "bob", documentId: "doc" });
  bob.open({ userName: "alice", documentId: "doc" });
  house.clock.pass(3 * LIMITS.pollMs);
  assertEquals([house.multiplexer.streams, house.introducer.counts.documents], [1, 0]);
  house.clock.pass(1_000);
  assertEquals([house.multiplexer.streams, house.introducer.counts.documents], [2, 1]);
  assertEquals([shown, bob.on(1).isOpened], [500, true]);
});

Deno.test("text frames that wait to be heard are bounded; records are by credit and by the memory budget", () => {
  const house = new MuxHouse();
  const now = house.clock.now.bind(house.clock);
  // No turn has time for anything.
  let looks = 0;
  house.clock.now = () => now() + 10 * looks++;
  const [alice, bob] = [house.client("alice"), house.client("bob")];
  const text = JSON.stringify([{ type: "Later", text: "x".repeat(500_000) }]);
  const frame = new RecordWriter();
  frame.open(1, { userName: "carol", documentId: "doc" });
  for (let i = 0; i < 60; i++) frame.data(1, new Uint8Array(900), { text: false, more: false });
  const records = frame.take();
  alice.socket.receive(JSON.stringify(Array(1_000).fill({ type: "Heartbeat" })));
  bob.socket.receive(JSON.stringify(Array(1_000).fill({ type: "Heartbeat" })));
  for (let i = 0; i < 16; i++) alice.socket.receive(text);
  for (let i = 0; i < 200; i++) bob.socket.receive(records);
  assertEquals([alice.socket.closedWith, bob.socket.closedWith], [undefined, undefined]);
  alice.socket.receive(text);
  assertEquals(alice.socket.closedWith, CLOSE.flooding);
});
