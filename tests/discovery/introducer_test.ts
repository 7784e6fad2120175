import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CLOSE, type Introduction } from "../../src/protocol.ts";
import { MemoryBudget } from "../../src/server/core/memory_budget.ts";
import { Counters } from "../../src/server/metrics/counters.ts";
import { decode } from "../../src/server/discovery/dialects.ts";
import { Poll } from "../../src/server/core/scheduling/poll.ts";
import { WorkScheduler } from "../../src/server/core/scheduling/work_scheduler.ts";
import type { Announcer } from "../../src/server/discovery/announcer.ts";
import { Introducer } from "../../src/server/discovery/introducer.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { FakeClock, type FakeSocket, PausableSocket, silentLog } from "../helpers/fakes.ts";
import { goldenFrame } from "../helpers/golden.ts";

/** Counts sockets by peer and document, as other instances are told of them. */
class Counting implements Announcer {
  readonly sockets = new Map<string, number>();
  readonly joins: string[] = [];

  added(peerId: string, documentId: string): void {
    this.#add(peerId, documentId, 1);
  }

  removed(peerId: string, documentId: string): void {
    this.#add(peerId, documentId, -1);
  }

  joined(peerId: string, documentId: string): number {
    this.joins.push(`${peerId} ${documentId}`);
    return 0;
  }

  remind(): void {}

  #add(peerId: string, documentId: string, count: number): void {
    const key = `${peerId} ${documentId}`;
    const sockets = (this.sockets.get(key) ?? 0) + count;
    if (sockets === 0) this.sockets.delete(key);
    else this.sockets.set(key, sockets);
  }
}

class House {
  readonly clock = new FakeClock();
  readonly announced = new Counting();
  readonly buffers = new MemoryBudget(Infinity, this.clock);
  readonly counters = new Counters();
  readonly introducer = new Introducer({
    buffers: this.buffers,
    clock: this.clock,
    counters: this.counters,
    log: silentLog,
    backplane: this.announced,
    scheduler: new WorkScheduler(this.clock, new Poll(this.clock)),
  });

  /** Lets as many turns of the event loop go by as there is work for; gives how many. */
  turns(): number {
    let turns = 0;
    for (; this.clock.pending > 0; turns++) this.clock.pass(LIMITS.pollMs);
    return turns;
  }

  enter(peerId: string, ...join: string[]): PausableSocket {
    const socket = new PausableSocket();
    this.introducer.welcome(peerId, socket);
    if (join.length > 0) socket.say({ type: "Join", join });
    return socket;
  }
}

function introduction(userName: string, ...documentIds: string[]): Introduction {
  return { type: "Introduction", userName, documentIds };
}

Deno.test("two peers with a document in common are introduced to each other", () => {
  const house = new House();
  const alice = house.enter("alice", "a", "shared");
  const bob = house.enter("bob", "shared", "b");
  assertEquals(alice.heard, [introduction("bob", "shared")]);
  assertEquals(bob.heard, [introduction("alice", "shared")]);
});

Deno.test("one introduction names all documents of the message that are in common", () => {
  const house = new House();
  const alice = house.enter("alice", "a", "b", "c");
  const bob = house.enter("bob", "c", "a", "x");
  assertEquals(alice.heard, [introduction("bob", "c", "a")]);
  assertEquals(bob.heard, [introduction("alice", "c", "a")]);
  bob.say({ type: "Join", join: ["b"] });
  assertEquals(alice.heard.at(-1), introduction("bob", "b"));
});

Deno.test("five peers on one document hear exactly 20 introductions", () => {
  const house = new House();
  const peers = ["a", "b", "c", "d", "e"].map((id) => house.enter(id, "doc"));
  assertEquals(peers.map(({ heard }) => heard.length), [4, 4, 4, 4, 4]);
});

Deno.test("when one of five drops in the middle, the rest hear exactly 12 introductions of each other", () => {
  const house = new House();
  const early = [house.enter("a", "doc"), house.enter("b", "doc")];
  house.enter("c", "doc").vanish();
  const rest = [...early, house.enter("d", "doc"), house.enter("e", "doc")];
  const names = rest.flatMap(({ heard }) => heard.map((message) => (message as Introduction).userName));
  assertEquals(names.filter((name) => name !== "c").length, 12);
  assertEquals(names.filter((name) => name === "c").length, 2, "only those who met it before it dropped");
});

Deno.test("a repeated join introduces again", () => {
  const house = new House();
  const alice = house.enter("alice", "doc");
  const bob = house.enter("bob", "doc");
  alice.say({ type: "Join", join: ["doc"] });
  assertEquals([alice.heard.length, bob.heard.length], [2, 2]);
});

Deno.test("nobody is introduced to what was left, and nobody to itself in another tab", () => {
  const house = new House();
  const alice = house.enter("alice", "doc");
  const sameAlice = house.enter("alice", "doc");
  alice.say({ type: "Leave", leave: ["doc"] });
  sameAlice.say({ type: "Leave", leave: ["doc", "never joined"] });
  house.enter("bob", "doc");
  assertEquals([alice.heard, sameAlice.heard], [[], []]);
});

Deno.test("all tabs of a peer are introduced; the newcomer hears of that peer once", () => {
  const house = new House();
  const tabs = [house.enter("alice", "doc", "one"), house.enter("alice", "doc", "two")];
  const bob = house.enter("bob", "doc", "one", "two");
  assertEquals(tabs.map(({ heard }) => heard), [[introduction("bob", "doc", "one")], [
    introduction("bob", "doc", "two"),
  ]]);
  assertEquals(bob.heard, [introduction("alice", "doc", "one", "two")]);
  assertEquals(house.enter("carol", "doc").heard, [introduction("alice", "doc"), introduction("bob", "doc")]);
});

Deno.test("a stale socket's late close takes nothing from its successor", () => {
  const house = new House();
  const stale = house.enter("alice", "doc");
  const alice = house.enter("alice", "doc");
  stale.vanish();
  house.enter("bob", "doc");
  assertEquals(alice.heard, [introduction("bob", "doc")]);
});

Deno.test("each peer is answered in the dialect of its latest message", () => {
  const house = new House();
  const [v4, v3] = [house.enter("v4"), house.enter("v3")];
  v4.receive(goldenFrame("4.x Join"));
  v3.receive(goldenFrame("3.x Join"));
  assertEquals(v3.heard, [introduction("v4", "doc")]);
  assertEquals(
    v4.sent[0],
    Uint8Array.fromHex(
      "84a474797065ac496e74726f64756374696f6ea6706565724964a27633a8757365724e616d65a27633ab646f63756d656e7449647391a3646f63",
    ),
  );
  v4.say({ type: "Join", join: ["doc"] });
  assertEquals(JSON.parse(v4.sent[1] as string), introduction("v3", "doc"));
});

Deno.test("malformed messages are survived up to 99, and the hundredth closes with 1008", () => {
  const house = new House();
  const socket = house.enter("fuzzer");
  for (let i = 1; i < LIMITS.malformedMessages; i++) socket.receive(Uint8Array.of(0xc0));
  socket.say({ type: "Join", join: ["doc"] });
  assertEquals(house.enter("bob", "doc").heard, [introduction("fuzzer", "doc")]);
  socket.receive("garbage");
  assertEquals(socket.closedWith, CLOSE.malformed);
});

Deno.test("10,000 documents, joined one by one at once, are within the rate; a flood is not", () => {
  const house = new House();
  const alice = house.enter("alice");
  for (let i = 0; i < 10_000; i++) alice.say({ type: "Join", join: [`doc ${i}`] });
  assertEquals([alice.closedWith, house.introducer.counts.documents], [undefined, 10_000]);
  for (let i = 0; i < 2_001; i++) alice.say({ type: "Heartbeat" });
  assertEquals(alice.closedWith, CLOSE.flooding);
  assertEquals(house.introducer.counts, { peers: 0, documents: 0 });
});

Deno.test("a steady 1,000 messages a second may go on for ever", () => {
  const house = new House();
  const alice = house.enter("alice");
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 1_000; i++) alice.say({ type: "Heartbeat" });
    house.clock.pass(1_000);
  }
  assertEquals(alice.closedWith, undefined);
});

Deno.test("a document more than 10,000 makes the message malformed; the earlier ones stay", () => {
  const house = new House();
  const alice = house.enter("alice", ...Array.from({ length: 10_000 }, (_, i) => `${i}`));
  alice.say({ type: "Join", join: ["one more"] });
  alice.say({ type: "Join", join: ["17"] });
  assertEquals(house.enter("bob", "one more").heard, []);
  assertEquals(house.enter("carol", "17").heard, [introduction("alice", "17")]);
});

Deno.test("a join introduces at most 1,000 peers of a document", () => {
  const house = new House();
  for (let i = 0; i < 1_200; i++) house.enter(`peer ${i}`, "popular");
  const names = house.enter("newcomer", "popular").heard.map((message) => (message as Introduction).userName);
  assertEquals([names.length, new Set(names).size], [1_000, 1_000]);
});

Deno.test("a peer that leaves its introductions unread is closed with 1013, and forgotten", () => {
  const house = new House();
  const slow = house.enter("slow", "doc");
  slow.backlog = LIMITS.introductionBacklogBytes + 1;
  const alice = house.enter("alice", "doc");
  assertEquals(slow.closedWith, CLOSE.slowReader);
  assertEquals(alice.heard, [introduction("slow", "doc")]);
  assertEquals(house.enter("bob", "doc").heard, [introduction("alice", "doc")]);
});

Deno.test("a peer that reads while one introduction after the other is made is not closed; one that does not is", () => {
  const documents = Array.from({ length: LIMITS.introducedDocuments + 1 }, (_, i) => `${i}`);
  const almostFull = LIMITS.introductionBacklogBytes - 1;
  const closes = [0, almostFull].map((later) => {
    const house = new House();
    const listener = house.enter("listener", ...documents);
    const backlogs = [almostFull];
    Object.defineProperty(listener, "backlog", { get: () => backlogs.shift() ?? later });
    house.enter("joiner", ...documents);
    return listener.closedWith;
  });
  assertEquals(closes, [undefined, CLOSE.slowReader]);
});

Deno.test("who asks for many peers at once gets them all", () => {
  const house = new House();
  for (let i = 0; i < 2_400; i++) house.enter(`peer ${i}`, `topic ${i % 3}`);
  const newcomer = house.enter("newcomer", "topic 0", "topic 1", "topic 2");
  assertEquals([newcomer.sent.length, newcomer.closedWith], [2_400, undefined]);
});

Deno.test("joins that cost too much work are a flood", () => {
  const house = new House();
  const documents = Array.from({ length: 5_000 }, (_, i) => `${i}`);
  for (let i = 0; i < 20; i++) house.enter("crowd", ...documents);
  const attacker = house.enter("attacker");
  for (let i = 0; i < 60; i++) attacker.say({ type: "Join", join: documents });
  assertEquals(attacker.closedWith, CLOSE.flooding);
});

Deno.test("the interests of a peer are bounded in bytes", () => {
  const house = new House();
  const greedy = house.enter("greedy");
  for (let i = 0; i < 10; i++) {
    greedy.say({ type: "Join", join: Array.from({ length: 1_000 }, (_, j) => `${i} ${j} `.padEnd(512, "x")) });
  }
  assertEquals([house.introducer.counts.documents, greedy.closedWith], [3_000, undefined]);
});

Deno.test("a reminder reaches the counterpart only if it is interested in the document", () => {
  const house = new House();
  const [bob, carol] = [house.enter("bob", "doc"), house.enter("carol", "else")];
  for (const remoteId of ["bob", "carol", "nobody"]) {
    house.introducer.remind({ localId: "alice", remoteId, documentId: "doc" });
  }
  assertEquals([bob.heard, carol.heard], [[introduction("alice", "doc")], []]);
});

Deno.test("a reminder reaches the newest socket of the counterpart that is interested, and no other", () => {
  const house = new House();
  const sockets = [house.enter("bob", "doc"), house.enter("bob", "doc"), house.enter("bob", "else")];
  house.introducer.remind({ localId: "alice", remoteId: "bob", documentId: "doc" });
  assertEquals(sockets.map(({ heard }) => heard), [[], [introduction("alice", "doc")], []]);
});

Deno.test("a peer that has spent all its work reminds no more, and lives on", () => {
  const house = new House();
  const [alice, bob] = [house.enter("alice"), house.enter("bob", "doc")];
  const most = LIMITS.workBurst / LIMITS.reminderWork;
  for (let i = 0; i < most + 10; i++) {
    bob.sent.length = 0;
    house.introducer.remind({ localId: "alice", remoteId: "bob", documentId: "doc" });
  }
  assertEquals([bob.sent.length, alice.closedWith], [0, undefined]);
});

Deno.test("a long join takes many turns, in which others have theirs", () => {
  const house = new House();
  const bob = house.enter("bob", "doc");
  house.clock.tickMs = 0.1;
  const documents = Array.from({ length: 9_999 }, (_, i) => `${i}`);
  const alice = house.enter("alice", ...documents, "doc");
  const carol = house.enter("carol", "doc");
  house.clock.pass(LIMITS.gatherMs + 5);
  assertEquals([bob.heard, carol.heard], [[introduction("carol", "doc")], [introduction("bob", "doc")]]);
  const turns = house.turns();
  assertEquals([turns > 10, house.introducer.counts.documents], [true, 10_000], `${turns} turns`);
  assertEquals(alice.heard.length, 2);
});

Deno.test("what a peer says while it is worked for waits, in order, and its sender is not read on", () => {
  const house = new House();
  house.clock.tickMs = 0.1;
  const documents = Array.from({ length: 10_000 }, (_, i) => `${i}`);
  const alice = house.enter("alice", ...documents);
  for (let i = 0; i < 30; i++) {
    alice.say({ type: "Leave", leave: documents });
    alice.say({ type: "Join", join: documents.slice(i) });
  }
  assertEquals([alice.isPaused, house.buffers.total > LIMITS.pauseUnheardBytes], [true, true]);
  house.turns();
  assertEquals([alice.isPaused, alice.closedWith], [false, undefined]);
  assertEquals([house.introducer.counts.documents, house.buffers.total], [10_000 - 29, 0]);
});

Deno.test("who goes while it is worked for is forgotten, with all that it has joined so far", () => {
  const house = new House();
  const bob = house.enter("bob", "0", "9999");
  house.clock.tickMs = 0.1;
  const alice = house.enter("alice", ...Array.from({ length: 10_000 }, (_, i) => `${i}`));
  house.clock.pass(LIMITS.pollMs);
  alice.vanish();
  house.turns();
  assertEquals([bob.heard, house.introducer.counts], [[], { peers: 1, documents: 2 }]);
  assertEquals([...house.announced.sockets.keys()], ["bob 0", "bob 9999"]);
});

Deno.test("a message of which the rest would never be heard is not kept: its sender is a flood", () => {
  const house = new House();
  house.clock.tickMs = 0.1;
  const documents = Array.from({ length: 10_000 }, (_, i) => `${i} `.padEnd(90, "x"));
  const alice = house.enter("alice", ...documents);
  for (let i = 0; i < 10; i++) alice.say({ type: "Join", join: documents });
  assertEquals(alice.closedWith, CLOSE.flooding);
  house.turns();
  assertEquals([house.introducer.counts, house.buffers.total], [{ peers: 0, documents: 0 }, 0]);
});

Deno.test("leaves are work, too", () => {
  const house = new House();
  const documents = Array.from({ length: 10_000 }, (_, i) => `${i}`);
  const attacker = house.enter("attacker");
  for (let i = 0; i < 300; i++) attacker.say({ type: "Leave", leave: documents });
  assertEquals(attacker.closedWith, CLOSE.flooding);
});

Deno.test("a peer pays for what is done elsewhere on its behalf", () => {
  const house = new House();
  const alice = house.enter("alice", "doc");
  house.introducer.charge("alice", LIMITS.workBurst / 2);
  assertEquals(alice.closedWith, undefined);
  house.introducer.charge("alice", LIMITS.workBurst / 2);
  assertEquals(alice.closedWith, CLOSE.flooding);
  house.introducer.charge("nobody", 1);
});

type Step = ["enter" | "leaveHouse", number] | ["join" | "leave", number, string[]];

Deno.test("under any joins, leaves and closes it says what a naive model says, and keeps nothing", () => {
  const documents = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
  const who = fc.nat(7);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(fc.constantFrom("enter" as const, "leaveHouse" as const), who),
    fc.tuple(fc.constantFrom("join" as const, "leave" as const), who, documents),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), compareWithModel), { numRuns: 500 });
});

interface ModelPeer {
  peerId: string;
  socket: FakeSocket;
  documents: Set<string>;
  expected: Introduction[];
}

/** Eight sockets of four peer ids: every id has two. */
function compareWithModel(steps: Step[]): void {
  const house = new House();
  const present = new Map<number, ModelPeer>();
  for (const [kind, who, documents] of steps) {
    const peer = present.get(who);
    if (kind === "enter" && peer === undefined) {
      const peerId = `peer ${who % 4}`;
      present.set(who, { peerId, socket: house.enter(peerId), documents: new Set(), expected: [] });
    } else if (peer !== undefined && kind === "leaveHouse") {
      peer.socket.vanish();
      present.delete(who);
    } else if (peer !== undefined && documents !== undefined) {
      peer.socket.say(kind === "join" ? { type: "Join", join: documents } : { type: "Leave", leave: documents });
      if (kind === "join") modelJoin(peer, documents, [...present.values()]);
      else documents.forEach((id) => peer.documents.delete(id));
    }
    for (const { socket, expected } of present.values()) assertEquals(sorted(socket.heard), sorted(expected));
    assertEquals(house.announced.sockets, counted([...present.values()]));
  }
  for (const { socket } of present.values()) socket.vanish();
  assertEquals([house.introducer.counts, house.buffers.total], [{ peers: 0, documents: 0 }, 0]);
  assertEquals(house.announced.sockets, new Map());
}

/** How many sockets of each peer are interested in each document. */
function counted(peers: ModelPeer[]): Map<string, number> {
  const keys = peers.flatMap(({ peerId, documents }) => [...documents].map((id) => `${peerId} ${id}`));
  return new Map(keys.map((key) => [key, keys.filter((other) => other === key).length]));
}

Deno.test("however the work for several is interleaved, who shares a document knows, and nothing is kept", () => {
  const documents = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
  const who = fc.nat(7);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(fc.constantFrom("enter" as const, "leaveHouse" as const), who),
    fc.tuple(fc.constantFrom("join" as const, "leave" as const), who, documents),
  );
  const tickMs = fc.double({ min: 0.1, max: 3, noNaN: true });
  fc.assert(fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 40 }), tickMs, interleave), {
    numRuns: 500,
  });
});

/** Plays all, now and then with a turn of the event loop in between, in which only some of the work is done. */
function interleave(steps: [step: Step, isTurn: boolean][], tickMs: number): void {
  const house = new House();
  house.clock.tickMs = tickMs;
  const present = new Map<number, ModelPeer>();
  for (const [step, isTurn] of steps) {
    playBlindly(house, present, step);
    if (isTurn) house.clock.pass(LIMITS.pollMs);
  }
  house.turns();
  const peers = [...present.values()];
  assertEquals(house.announced.sockets, counted(peers));
  for (const peer of peers) for (const other of peers) assertEquals(strangers(peer, other), []);
  for (const { socket } of peers) socket.vanish();
  house.turns();
  assertEquals([house.introducer.counts, house.buffers.total], [{ peers: 0, documents: 0 }, 0]);
  assertEquals(house.announced.sockets, new Map());
}

function playBlindly(house: House, present: Map<number, ModelPeer>, [kind, who, documents = []]: Step): void {
  const peer = present.get(who);
  if (kind === "enter") {
    const peerId = `peer ${who % 4}`;
    if (peer === undefined) {
      present.set(who, { peerId, socket: house.enter(peerId), documents: new Set(), expected: [] });
    }
  } else if (kind === "leaveHouse") {
    peer?.socket.vanish();
    present.delete(who);
  } else if (peer !== undefined) {
    peer.socket.say(kind === "join" ? { type: "Join", join: documents } : { type: "Leave", leave: documents });
    for (const id of documents) {
      if (kind === "join") peer.documents.add(id);
      else peer.documents.delete(id);
    }
  }
}

/** Documents that two sockets share although the first has never heard of the other's peer with them. */
function strangers(peer: ModelPeer, other: ModelPeer): string[] {
  if (peer.peerId === other.peerId) return [];
  const known = (peer.socket.heard as Introduction[]).filter(({ userName }) => userName === other.peerId)
    .flatMap(({ documentIds }) => documentIds);
  return [...peer.documents].filter((id) => other.documents.has(id) && !known.includes(id));
}

function modelJoin(joiner: ModelPeer, documents: string[], everyone: ModelPeer[]): void {
  documents.forEach((id) => joiner.documents.add(id));
  const heard = new Map<string, Set<string>>();
  for (const other of everyone.filter(({ peerId }) => peerId !== joiner.peerId)) {
    const common = documents.filter((id) => other.documents.has(id));
    if (common.length === 0) continue;
    other.expected.push(introduction(joiner.peerId, ...common));
    heard.set(other.peerId, new Set([...(heard.get(other.peerId) ?? []), ...common]));
  }
  for (const [peerId, common] of heard) joiner.expected.push(introduction(peerId, ...common));
}

function sorted(introductions: unknown[]): string[] {
  const canonical = ({ userName, documentIds }: Introduction) => JSON.stringify([userName, documentIds.toSorted()]);
  return introductions.map((message) => canonical(message as Introduction)).sort();
}

Deno.test("what the introducer says is no message that a client may send", () => {
  assertEquals(decode(JSON.stringify(introduction("bob", "doc"))), { reason: "unknown type" });
});
