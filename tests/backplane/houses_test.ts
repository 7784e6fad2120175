/** What peers of several instances notice of each other, on a bus that loses and delays as the test wants it. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { reverse } from "../../src/server/core/connection_key.ts";
import { type FakeSocket, PausableSocket } from "../helpers/fakes.ts";
import { encode, encodeJson, type LinkMessage } from "../../src/server/backplane/codec.ts";
import { pairSubject } from "../../src/server/backplane/bus/subjects.ts";
import type { FakeBus } from "./fake_bus.ts";
import { type House, Houses, plain } from "./houses.ts";

const MIB = 1024 * 1024;

/** Longer than any repetition of a join or an offer. */
const QUIET_MS = 10_000;

function introduction(userName: string, ...documentIds: string[]) {
  return { type: "Introduction", userName, documentIds };
}

/** Frames as bytes, with what is said to be in them. */
function spliceOf({ handle, messages }: { handle: number; messages: number }): Uint8Array<ArrayBuffer> {
  const contents = { messages, emptyFrames: 0, text: 0, binary: 0, textBytes: 0, binaryBytes: 0 };
  return encode({ type: "splice", handle, sequence: 0, tail: 0, contents, payload: Uint8Array.of(0x82, 0) });
}

/** Two sides of a pair on two instances, both settled. */
function pair(houses: Houses): [FakeSocket, FakeSocket] {
  const [one, other] = houses.all;
  const sides: [FakeSocket, FakeSocket] = [one.connect("alice", "bob"), other.connect("bob", "alice")];
  houses.pass(100);
  return sides;
}

Deno.test("peers of two instances are introduced once, with all documents of a join in common", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const alice = one.enter("alice", "a", "b", "c");
  houses.pass(QUIET_MS);
  const bob = other.enter("bob", "c", "a", "x");
  houses.pass(QUIET_MS);
  assertEquals(alice.heard, [introduction("bob", "c", "a")]);
  assertEquals(bob.heard, [introduction("alice", "c", "a")]);
});

Deno.test("peers who join at the same instant are introduced exactly once, whoever is heard first", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (stream) => {
      const houses = new Houses(3, { random: () => stream.next().value });
      const peers = houses.all.map((house, i) => house.enter(`peer-${i}`, "doc"));
      houses.pass(QUIET_MS);
      for (const [i, { heard }] of peers.entries()) {
        const others = [0, 1, 2].filter((other) => other !== i).map((other) => introduction(`peer-${other}`, "doc"));
        assertEquals(heard.toSorted(byName), others);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("a repeated join introduces again, to all, and who left hears nothing", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const [alice, carol, bob] = [one.enter("alice", "doc"), one.enter("carol", "doc"), other.enter("bob", "doc")];
  houses.pass(QUIET_MS);
  carol.say({ type: "Leave", leave: ["doc"] });
  const before = [alice, carol, bob].map(({ heard }) => heard.length);
  bob.say({ type: "Join", join: ["doc"] });
  houses.pass(QUIET_MS);
  const after = [alice, carol, bob].map(({ heard }) => heard.length);
  assertEquals(after.map((count, i) => count - before[i]), [1, 0, 1]);
});

Deno.test("a repeated join is told other instances at most once a second, and again after the last", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const [alice, bob] = [one.enter("alice", "doc"), other.enter("bob", "doc")];
  houses.pass(QUIET_MS);
  const before = [alice, bob].map(({ heard }) => heard.length);
  const sent = one.bus.published;
  for (let i = 0; i < 100; i++) {
    bob.say({ type: "Join", join: ["doc"] });
    alice.say({ type: "Join", join: ["doc"] });
    alice.say({ type: "Leave", leave: ["doc"] });
    alice.say({ type: "Join", join: ["doc"] });
    houses.pass(20, 10);
  }
  houses.pass(2 * LIMITS.announceAgainMs);
  // In 2 s: at once, after each second, and a last time for a cluster whose servers had not all heard of the interest.
  assertEquals(one.bus.published - sent <= 5, true, `${one.bus.published - sent} announcements`);
  const after = [alice, bob].map(({ heard }) => heard.length);
  assertEquals(after.map((count, i) => count - before[i] >= 1 && count - before[i] <= 8), [true, true], `${after}`);
});

Deno.test("what hundreds of peers are interested in is told again, and only who is new is introduced", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  // Neither hears of the other's until they are connected.
  for (const { bus } of houses.all) bus.disconnect();
  for (const [i, house] of houses.all.entries()) {
    for (let j = 0; j < 100; j++) house.enter(`peer-${i}-${j}`, "doc");
  }
  for (const { bus } of houses.all) bus.connect();
  houses.pass(QUIET_MS);
  const told = () => houses.all.map(({ counters }) => counters.introductions);
  assertEquals(told(), [2 * 4_950 + 100 * 100, 2 * 4_950 + 100 * 100]);
  one.bus.disconnect();
  one.bus.connect();
  other.enter("newcomer", "doc");
  houses.pass(QUIET_MS);
  assertEquals(told(), [2 * 4_950 + 100 * 100 + 100, 2 * 4_950 + 100 * 100 + 100 + 200]);
});

Deno.test("nothing that was left is told of, and nothing is kept once all have left", () => {
  const step = fc.tuple(fc.nat(2), fc.nat(3), fc.constantFrom("join", "leave", "vanish"), fc.nat(600));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const houses = new Houses(2);
      const sockets = [0, 1, 2, 3].map((i) => houses.all[i % 2].enter(`peer-${i >> 1}`));
      for (const [document, who, action, ms] of steps) {
        const documents = [`doc-${document}`];
        if (action === "join") sockets[who].say({ type: "Join", join: documents });
        else if (action === "leave") sockets[who].say({ type: "Leave", leave: documents });
        else sockets[who].vanish();
        houses.pass(ms, 200);
      }
      for (const socket of sockets) socket.vanish();
      houses.pass(2 * LIMITS.announceAgainMs);
      assertEquals([houses.network.subscriptions, houses.clock.pending], [0, 0]);
    }),
    { numRuns: 100 },
  );
});

Deno.test("what was joined while an instance was cut off is made good, and nobody is introduced twice", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const [alice, bob] = [one.enter("alice", "doc"), other.enter("bob", "doc")];
  houses.pass(QUIET_MS);
  one.bus.disconnect();
  const carol = one.enter("carol", "doc");
  const dave = other.enter("dave", "doc");
  houses.pass(QUIET_MS);
  assertEquals([names(carol), names(dave)], [["alice"], ["bob"]]);
  one.bus.connect();
  houses.pass(QUIET_MS);
  assertEquals([alice, bob, carol, dave].map(names), [
    ["bob", "carol", "dave"],
    ["alice", "carol", "dave"],
    ["alice", "bob", "dave"],
    ["alice", "bob", "carol"],
  ]);
});

Deno.test("all interests are told again in a minute, so that what was lost is made good", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const alice = one.enter("alice", "doc");
  // Before the other instance is heard of, all that it says is lost.
  other.bus.isConnected = false;
  const bob = other.enter("bob", "doc");
  houses.pass(5_000);
  other.bus.connect();
  other.bus.outgoing.splice(0).forEach((command) => "subscribe" in command && other.bus.outgoing.push(command));
  houses.pass(LIMITS.announceEveryMs + 2_000, 500);
  assertEquals([names(alice), names(bob)], [["bob"], ["alice"]]);
});

Deno.test("the counterpart of a pending connection is reminded on another instance", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const bob = other.enter("bob", "doc");
  one.connect("alice", "bob");
  houses.pass(LIMITS.remindFirstMs);
  assertEquals(bob.heard, [introduction("alice", "doc")]);
});

Deno.test("who waits for a peer of another instance hears 4408 half a minute after that one has left, and not before", () => {
  const houses = new Houses(3);
  const [one, other, third] = houses.all;
  third.enter("carol", "doc");
  const bob = other.enter("bob", "doc");
  const alice = one.connect("alice", "bob");
  houses.pass(200_000, 500);
  assertEquals(alice.closedWith, undefined);
  bob.say({ type: "Leave", leave: ["doc"] });
  houses.pass(LIMITS.ghostMs - 1_000, 500);
  assertEquals(alice.closedWith, undefined);
  houses.pass(LIMITS.remindEveryMs + 1_000, 500);
  assertEquals(alice.closedWith, CLOSE.noReciprocal);
});

Deno.test("who was introduced at one instance and connects at another does not wait for a ghost there", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  other.enter("alice", "doc");
  const [alice, carol] = [one.connect("alice", "bob"), one.connect("carol", "bob")];
  houses.pass(LIMITS.remindFirstMs + LIMITS.ghostMs + 1_000, 500);
  assertEquals([alice.closedWith, carol.closedWith], [CLOSE.noReciprocal, undefined]);
});

Deno.test("an instance that is cut off takes nobody for gone", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  one.enter("alice", "doc");
  other.enter("bob", "doc");
  houses.pass(QUIET_MS);
  one.bus.disconnect();
  const alice = one.connect("alice", "bob");
  houses.pass(200_000, 500);
  assertEquals(alice.closedWith, undefined);
  one.bus.connect();
  houses.pass(200_000, 500);
  assertEquals(alice.closedWith, undefined);
});

Deno.test("what a peer said before it hung up reaches another instance within a second", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  one.enter("alice", "doc");
  const alice = one.connect("alice", "bob");
  alice.receive("hello and good-bye");
  houses.pass(QUIET_MS);
  alice.vanish({ code: 4000, reason: "bye" });
  houses.pass(700);
  const bob = other.connect("bob", "alice");
  houses.pass(200);
  assertEquals([bob.sent, bob.closedWith], [["hello and good-bye"], { code: 4000, reason: "bye" }]);
});

Deno.test("who was paused because it says much crosses whole to another instance, and is read again there", () => {
  const houses = new Houses(2, { splices: [true, true] });
  const [one, other] = houses.all;
  const key = { localId: "alice", remoteId: "bob", documentId: "doc" };
  const alice = one.carry(new PausableSocket(), key);
  const frames = Array.from({ length: 80 }, (_, i) => new Uint8Array(64 * 1024).fill(i));
  frames.forEach((frame) => alice.receive(frame));
  assertEquals([alice.isPaused, alice.closedWith], [true, undefined]);
  const bob = other.carry(new PausableSocket(), reverse(key));
  houses.pass(1_000);
  bob.drain();
  houses.pass(500);
  alice.receive("after");
  houses.pass(500);
  assertEquals(bob.sent.map(plain), [...frames, "after"]);
  assertEquals(alice.isPaused, false);
});

Deno.test("frames as bytes, for an instance that does not take them, end the pair and nothing else", () => {
  const houses = new Houses(2);
  const [alice, bob] = pair(houses);
  const [one, other] = houses.all;
  const [carol, dave] = [one.connect("carol", "dave"), other.connect("dave", "carol")];
  houses.pass(100);
  one.bus.send(other.bus.self, spliceOf({ handle: 1, messages: 1 }));
  houses.pass(100);
  carol.receive("still here");
  houses.pass(100);
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.backplaneLost, CLOSE.backplaneLost]);
  assertEquals(dave.sent, ["still here"]);
  assertEquals(other.counters.resets.get("malformed"), 1);
});

Deno.test("frames that hold more than they are long end the pair", () => {
  const houses = new Houses(2, { splices: [true, true] });
  const [, bob] = pair(houses);
  const [one, other] = houses.all;
  one.bus.send(other.bus.self, spliceOf({ handle: 1, messages: 4_000_000_000 }));
  houses.pass(100);
  assertEquals([bob.closedWith, bob.sent], [CLOSE.backplaneLost, []]);
});

Deno.test("parts of a message without end and without bytes end the pair", () => {
  const houses = new Houses(2);
  const [, bob] = pair(houses);
  const [one, other] = houses.all;
  const part = { type: "data", handle: 1, sequence: 0, isText: false, hasMore: true, payload: new Uint8Array() };
  one.bus.send(other.bus.self, encode(part as LinkMessage));
  houses.pass(100);
  assertEquals([bob.closedWith, other.counters.resets.get("malformed")], [CLOSE.backplaneLost, 1]);
});

Deno.test("only the instance that was asked can answer", () => {
  const houses = new Houses(3);
  const [one, other, third] = houses.all;
  // Side 0 waits for the answer of an instance that will never give one.
  const alice = one.connect("alice", "bob");
  houses.network.settle();
  const offer = {
    kind: "offer",
    pair: pairSubject("alice", "bob", "doc"),
    instance: other.bus.self,
    side: 1,
    waits: true,
  };
  one.bus.listener!.received(encodeJson({ ...offer, arrival: [1, "random"] }), other.bus.self);
  for (const kind of ["ok", "gone"]) {
    third.bus.send(one.bus.self, encodeJson({ kind, handle: 1, answer: 1, splices: false }));
    houses.network.settle();
  }
  assertEquals([one.broker.counts, alice.closedWith], [{ seekers: 1, pairs: 0 }, undefined]);
});

for (const slow of [0, 1]) {
  Deno.test(`halves are paired, however late the instance of side ${slow} reads what it was answered`, () => {
    const houses = new Houses(2);
    const release = delayed(houses.all[slow].bus);
    const [alice, bob] = pair(houses);
    for (const socket of [alice, bob]) socket.receive("hello");
    // Longer than an answer is waited for alone, and than an offer lasts; shorter than a partner has to acknowledge.
    houses.pass(slow === 0 ? LIMITS.answerMs + 1_500 : 2 * LIMITS.answerMs + LIMITS.offerEveryMs);
    release();
    houses.pass(500);
    assertEquals([alice.sent.map(plain), bob.sent.map(plain)], [["hello"], ["hello"]]);
    assertEquals([alice.closedWith, bob.closedWith], [undefined, undefined]);
    assertEquals(houses.all.map(({ broker }) => broker.counts), [PAIRED, PAIRED]);
  });
}

Deno.test("frames of any type and size cross in order, those that were held first", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  const alice = one.connect("alice", "bob");
  const frames = ["held", new Uint8Array(300_000).fill(7), "", new Uint8Array(), "ü🎉".repeat(50_000)];
  frames.forEach((frame) => alice.receive(frame));
  houses.pass(500);
  const bob = other.connect("bob", "alice");
  bob.receive("hello");
  houses.pass(500);
  alice.receive("after");
  bob.receive(Uint8Array.of(1));
  houses.pass(500);
  assertEquals(bob.sent.map(plain), [...frames, "after"]);
  assertEquals(alice.sent.map(plain), ["hello", Uint8Array.of(1)]);
});

Deno.test("halves that come at the same instant are paired exactly once, whoever is heard first", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (stream) => {
      const houses = new Houses(2, { random: () => stream.next().value });
      const [alice, bob] = pair(houses);
      alice.receive("to bob");
      bob.receive("to alice");
      houses.pass(200);
      assertEquals([alice.sent.map(plain), bob.sent.map(plain)], [["to alice"], ["to bob"]]);
      assertEquals(houses.all.map(({ broker }) => broker.counts), [PAIRED, PAIRED]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("of two Alices and two Bobs over three instances one pair is left, and nothing else", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (stream) => {
      const random = () => stream.next().value;
      const houses = new Houses(3, { random });
      const anywhere = () => houses.all[Math.floor(random() * 3)];
      const alices = [anywhere().connect("alice", "bob"), anywhere().connect("alice", "bob")];
      const bobs = [anywhere().connect("bob", "alice"), anywhere().connect("bob", "alice")];
      // Who lost its partner to a newcomer comes again, as clients do.
      for (let round = 0; round < 4; round++) {
        houses.pass(QUIET_MS);
        for (const sides of [alices, bobs]) {
          if (sides.at(-1)!.closedWith?.code !== CLOSE.peerLost.code) continue;
          const [local, remote] = sides === alices ? ["alice", "bob"] : ["bob", "alice"];
          sides.push(anywhere().connect(local, remote));
        }
      }
      const live = [...alices, ...bobs].filter(({ closedWith }) => closedWith === undefined);
      assertEquals(live, [alices.at(-1), bobs.at(-1)]);
      live[0].receive("hello");
      houses.pass(200);
      assertEquals(live[1].sent.map(plain), ["hello"]);
      const halves = houses.all.reduce((sum, { broker }) => sum + broker.counts.pairs, 0);
      const links = houses.all.reduce((sum, { backplane }) => sum + backplane.status.remotePairs, 0);
      assertEquals([halves - links / 2, houses.all.reduce((sum, { broker }) => sum + broker.counts.seekers, 0)], [
        1,
        0,
      ]);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a close crosses behind everything that was said, and a partner that vanishes is lost", () => {
  const houses = new Houses(2);
  const [alice, bob] = pair(houses);
  alice.receive(new Uint8Array(200_000));
  alice.vanish({ code: 4321, reason: "bye" });
  houses.pass(100);
  assertEquals([bob.sent.length, bob.closedWith], [1, { code: 4321, reason: "bye" }]);
  const [carol, dave] = [houses.all[0].connect("carol", "dave"), houses.all[1].connect("dave", "carol")];
  houses.pass(100);
  dave.vanish();
  houses.pass(100);
  assertEquals(carol.closedWith, CLOSE.peerLost);
  assertEmpty(houses);
});

Deno.test("one that leaves at once has met the other: what it said arrives, and its close", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), fc.boolean(), (stream, isAlice) => {
      const houses = new Houses(2, { random: () => stream.next().value });
      const [one, other] = houses.all;
      const sides = [one.connect("alice", "bob"), other.connect("bob", "alice")];
      const [hasty, patient] = isAlice ? sides : sides.toReversed();
      hasty.receive("last words");
      for (let steps = stream.next().value * 12; steps > 0; steps--) houses.network.step();
      hasty.vanish({ code: 4000, reason: "in a hurry" });
      houses.pass(500);
      assertEquals([patient.sent.map(plain), patient.closedWith], [["last words"], {
        code: 4000,
        reason: "in a hurry",
      }]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("one that leaves while the other's offer is on its way has met it, however long it had waited", () => {
  for (const waits of [0, 1]) {
    const houses = new Houses(2);
    const sides: [House, string, string][] = [[houses.all[0], "alice", "bob"], [houses.all[1], "bob", "alice"]];
    const [[one, ...waiting], [other, ...coming]] = waits === 0 ? sides : sides.toReversed();
    const patient = one.connect(...waiting);
    houses.pass(QUIET_MS);
    const late = other.connect(...coming);
    patient.vanish({ code: 4000, reason: "no longer" });
    houses.pass(100);
    assertEquals(late.closedWith, { code: 4000, reason: "no longer" });
    houses.pass(QUIET_MS);
    assertEmpty(houses);
  }
});

Deno.test("one who left before the other came is not waited for", () => {
  const houses = new Houses(2);
  const alice = houses.all[0].connect("alice", "bob");
  houses.pass(QUIET_MS);
  alice.receive("is anybody there?");
  alice.vanish();
  houses.pass(100);
  const bob = houses.all[1].connect("bob", "alice");
  houses.pass(QUIET_MS);
  assertEquals([bob.sent, bob.closedWith], [[], undefined]);
});

Deno.test("one message lost between instances closes both ends with 1012, also if it was the last", () => {
  for (const goesOn of [true, false]) {
    const houses = new Houses(2);
    const [alice, bob] = pair(houses);
    alice.receive("first");
    houses.pass(1_000);
    houses.network.loses = (data) => data[0] === DATA && houses.network.lost.length === 0;
    alice.receive("lost");
    if (goesOn) alice.receive("third");
    houses.pass(goesOn ? 100 : 2_500);
    assertEquals(bob.sent.map(plain), ["first"]);
    assertEquals([alice.closedWith, bob.closedWith], [CLOSE.backplaneLost, CLOSE.backplaneLost]);
  }
});

Deno.test("an instance that is gone takes its pairs with it as soon as something is said to it", () => {
  const houses = new Houses(2);
  const [alice] = pair(houses);
  houses.all[1].crash();
  houses.pass(1_000);
  assertEquals(alice.closedWith, undefined);
  alice.receive("are you there?");
  houses.pass(100);
  assertEquals(alice.closedWith, CLOSE.backplaneLost);
  assertEquals(houses.all[0].counters.resets, new Map([["unreachable", 1]]));
});

Deno.test("an idle pair notices within a probe that the other instance is gone", () => {
  const houses = new Houses(2);
  const [alice] = pair(houses);
  houses.all[1].crash();
  houses.pass(LIMITS.remoteProbeMs + 1_000);
  assertEquals(alice.closedWith, CLOSE.backplaneLost);
});

Deno.test("an instance that takes nothing any more is given up, and its partners hear of it", () => {
  const houses = new Houses(2);
  const [alice] = pair(houses);
  // Frozen: what comes to it waits in its inbox.
  const frozen = houses.all[1].bus.incoming;
  frozen.push = () => 0;
  alice.receive("are you there?");
  houses.pass(LIMITS.receiptMs + 1_000);
  assertEquals(alice.closedWith, CLOSE.backplaneLost);
});

Deno.test("a bus that is lost closes pairs over it at once, and leaves pairs within one instance alone", () => {
  const houses = new Houses(2);
  const [one] = houses.all;
  const [alice, bob] = pair(houses);
  const [carol, dave] = [one.connect("carol", "dave"), one.connect("dave", "carol")];
  houses.pass(100);
  for (const { bus } of houses.all) bus.disconnect();
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.backplaneLost, CLOSE.backplaneLost]);
  carol.receive("still here");
  houses.pass(100);
  assertEquals([dave.sent.map(plain), carol.closedWith], [["still here"], undefined]);
});

Deno.test("what was held while the bus was lost is joined when it is back, with all that was said", () => {
  const houses = new Houses(2);
  for (const { bus } of houses.all) bus.disconnect();
  const [alice, bob] = [houses.all[0].connect("alice", "bob"), houses.all[1].connect("bob", "alice")];
  alice.receive("to bob");
  bob.receive("to alice");
  houses.pass(QUIET_MS);
  for (const { bus } of houses.all) bus.connect();
  houses.pass(500);
  assertEquals([alice.sent.map(plain), bob.sent.map(plain)], [["to alice"], ["to bob"]]);
});

Deno.test("a newer connection of one side wins, on whichever instance it comes", () => {
  const houses = new Houses(3);
  const [alice, bob] = pair(houses);
  houses.pass(1_000);
  const newer = houses.all[2].connect("alice", "bob");
  houses.pass(100);
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.superseded, CLOSE.peerLost]);
  const again = houses.all[0].connect("bob", "alice");
  newer.receive("hello again");
  houses.pass(500);
  assertEquals([again.sent.map(plain), newer.closedWith], [["hello again"], undefined]);
});

Deno.test("one that opens late, after a newer one on another instance, does not win", () => {
  const houses = new Houses(2);
  const requestedAt = houses.clock.now();
  houses.pass(10);
  const newer = houses.all[1].connect("alice", "bob");
  houses.pass(10);
  const older = houses.all[0].connect("alice", "bob", "doc", requestedAt);
  houses.pass(100);
  assertEquals([older.closedWith, newer.closedWith], [CLOSE.superseded, undefined]);
});

Deno.test("of several of one side exactly one is left, in whatever order they were asked for and open", () => {
  const requests = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 });
  const places = fc.array(fc.constantFrom(0, 1), { minLength: 4, maxLength: 4 });
  const stream = fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }));
  fc.assert(
    fc.property(requests, places, stream, (requests, places, stream) => {
      const houses = new Houses(2, { random: () => stream.next().value });
      houses.pass(10);
      const alices = requests.map((requestedAt, i) => {
        for (let steps = stream.next().value * 6; steps > 1; steps--) houses.network.step();
        return houses.all[places[i]].connect("alice", "bob", "doc", requestedAt);
      });
      houses.pass(QUIET_MS);
      assertEquals(alices.filter(({ closedWith }) => closedWith === undefined).length, 1);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a slow reader's backlog is the sender's backlog: past the bound both are closed", () => {
  const houses = new Houses(2);
  const [alice, bob] = pair(houses);
  bob.backlog = 2 * MIB;
  for (let sent = 0; sent <= 17; sent++) {
    alice.receive(new Uint8Array(MIB));
    houses.pass(500);
  }
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.slowReader, CLOSE.slowReader]);
});

Deno.test("a reader that catches up lets its sender go on", () => {
  const houses = new Houses(2);
  const [alice, bob] = pair(houses);
  for (let round = 0; round < 40; round++) {
    bob.backlog = 2 * MIB;
    alice.receive(new Uint8Array(MIB));
    houses.pass(300);
    bob.backlog = 0;
    houses.pass(300);
  }
  assertEquals([alice.closedWith, bob.sent.length], [undefined, 40]);
});

Deno.test("garbage on the bus is nobody's business", () => {
  const houses = new Houses(2);
  const [one, other] = houses.all;
  one.enter("alice", "doc");
  const [alice, bob] = pair(houses);
  fc.assert(fc.property(fc.oneof(fc.uint8Array(), fc.json().map(asInboxJson)), (data) => {
    // Type, handle and all: what hits a link may end that link, and nothing else.
    if (data[0] !== 7) data[2] = 0xff;
    one.bus.send(other.bus.self, data);
    houses.network.settle();
  }));
  alice.receive("unharmed");
  houses.pass(100);
  assertEquals(bob.sent.map(plain), ["unharmed"]);
});

const DATA = 1;
const PAIRED = { seekers: 0, pairs: 1 };

function asInboxJson(json: string): Uint8Array {
  return Uint8Array.of(7, ...new TextEncoder().encode(json));
}

function names({ heard }: FakeSocket): string[] {
  return heard.map((message) => (message as { userName: string }).userName).toSorted();
}

function byName(one: unknown, other: unknown): number {
  return (one as { userName: string }).userName < (other as { userName: string }).userName ? -1 : 1;
}

function assertEmpty(houses: Houses): void {
  for (const { broker, backplane } of houses.all) {
    assertEquals([broker.counts, backplane.status.remotePairs], [{ seekers: 0, pairs: 0 }, 0]);
  }
}

/** Holds back what other instances send to this one, until the function that it returns is called. */
function delayed(bus: FakeBus): () => void {
  const listener = bus.listener!;
  const late: (() => void)[] = [];
  bus.listener = {
    connected: () => listener.connected(),
    disconnected: () => listener.disconnected(),
    unreachable: (instance) => listener.unreachable(instance),
    received: (data, sender) => late.push(() => listener.received(data, sender)),
  };
  return () => {
    bus.listener = listener;
    for (const receive of late) receive();
  };
}
