import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { CLOSE, type Close } from "../../src/protocol.ts";
import { ALONE } from "../../src/server/backplane/backplane.ts";
import { Broker } from "../../src/server/pairing/broker.ts";
import { MemoryBudget } from "../../src/server/core/memory_budget.ts";
import { Counters } from "../../src/server/metrics/counters.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import type { ConnectionKey } from "../../src/server/core/connection_key.ts";
import { FakeClock, FakeSocket, PausableSocket, silentLog } from "../helpers/fakes.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

class House {
  readonly clock = new FakeClock();
  readonly buffers: MemoryBudget;
  readonly counters = new Counters();
  readonly reminded: ConnectionKey[] = [];
  /** Peers that are interested in every document. */
  readonly interested = new Set<string>();
  /** Whether everybody can be asked for who is waited for. */
  isWhole = true;
  readonly broker: Broker;

  constructor({ holdTimeout = 600, maxBufferedBytes = 16 * MIB, maxBufferedTotal = 512 * MIB } = {}) {
    this.buffers = new MemoryBudget(maxBufferedTotal, this.clock);
    const remind = (key: ConnectionKey) => this.reminded.push(key) > 0 && this.isWhole;
    const isInterested = (peerId: string) => this.interested.has(peerId);
    const { buffers, clock, counters } = this;
    const parts = { buffers, clock, counters, log: silentLog, backplane: ALONE };
    this.broker = new Broker({ ...parts, holdTimeout, maxBufferedBytes, remind, isInterested });
  }

  /** A connection that has settled. */
  connect(localId: string, remoteId: string, documentId = "doc"): FakeSocket {
    return this.enter(new FakeSocket(), [localId, remoteId, documentId]);
  }

  enter<Socket extends FakeSocket>(socket: Socket, [localId, remoteId, documentId]: [string, string, string]): Socket {
    this.broker.welcome({ localId, remoteId, documentId }, socket);
    this.clock.pass(LIMITS.settleMs);
    return socket;
  }

  pair(): [FakeSocket, FakeSocket] {
    return [this.connect("alice", "bob"), this.connect("bob", "alice")];
  }

  assertEmpty(): void {
    const left = { ...this.broker.counts, timers: this.clock.pending, bytes: this.buffers.total };
    assertEquals(left, { seekers: 0, pairs: 0, timers: 0, bytes: 0 });
  }
}

Deno.test("200 frames of mixed type and size, sent before the other side came, arrive first and unchanged", () => {
  const house = new House();
  const alice = house.connect("alice", "bob");
  const frames = Array.from({ length: 200 }, (_, i) => i % 2 ? `text ${"x".repeat(i)}` : new Uint8Array(i * 7).fill(i));
  frames.forEach((frame) => alice.receive(frame));
  const bob = house.connect("bob", "alice");
  alice.receive("after");
  assertEquals(bob.sent, [...frames, "after"]);
});

Deno.test("frames cross both ways, by type and in order, also empty ones", () => {
  const [alice, bob] = new House().pair();
  for (const frame of ["", "one", new Uint8Array(), Uint8Array.of(1)]) alice.receive(frame);
  bob.receive("two");
  assertEquals(bob.sent, ["", "one", new Uint8Array(), Uint8Array.of(1)]);
  assertEquals(alice.sent, ["two"]);
});

Deno.test("nothing reaches a connection in its first 20 ms, and then all of it in order", () => {
  const house = new House();
  const alice = house.connect("alice", "bob");
  alice.receive("held");
  const bob = new FakeSocket();
  house.broker.welcome({ localId: "bob", remoteId: "alice", documentId: "doc" }, bob);
  alice.receive("early");
  bob.receive("to one that settled long ago");
  house.clock.pass(LIMITS.settleMs - 1);
  assertEquals([bob.sent, alice.sent], [[], ["to one that settled long ago"]]);
  house.clock.pass(1);
  alice.receive("late");
  assertEquals(bob.sent, ["held", "early", "late"]);
});

Deno.test("a close in the first 20 ms crosses behind what was sent before it", () => {
  const house = new House();
  const bob = house.connect("bob", "alice");
  const alice = new FakeSocket();
  house.broker.welcome({ localId: "alice", remoteId: "bob", documentId: "doc" }, alice);
  bob.receive("hello and good-bye");
  bob.vanish({ code: 4000, reason: "bye" });
  bob.receive("from the grave");
  assertEquals([alice.sent, alice.closedWith], [[], undefined]);
  house.clock.pass(LIMITS.settleMs);
  assertEquals([alice.sent, alice.closedWith], [["hello and good-bye"], { code: 4000, reason: "bye" }]);
  alice.vanish();
  assertEquals(house.clock.pending, 0);
});

Deno.test("ids that would collide when joined with a separator do not meet", () => {
  const house = new House();
  house.connect("a:b", "c", "d");
  house.connect("c", "a", "b:d");
  house.connect("c:d", "a:b", "");
  assertEquals(house.broker.counts, { seekers: 3, pairs: 0 });
});

Deno.test("a close crosses with its own code and reason, behind what was sent before", () => {
  const [alice, bob] = new House().pair();
  alice.receive("last words");
  alice.vanish({ code: 4321, reason: "bye" });
  assertEquals([bob.sent, bob.closedWith], [["last words"], { code: 4321, reason: "bye" }]);
});

Deno.test("a side that vanishes without a close makes the other hear 4410", () => {
  const house = new House();
  const [alice, bob] = house.pair();
  bob.vanish();
  assertEquals(alice.closedWith, CLOSE.peerLost);
  alice.vanish();
  house.assertEmpty();
});

Deno.test("a pending whose other side never comes is closed with 4408, and never when the timeout is 0", () => {
  const house = new House({ holdTimeout: 5 });
  const [alice, patient] = [house.connect("alice", "bob"), new House({ holdTimeout: 0 }).connect("alice", "bob")];
  house.clock.pass(4_999 - LIMITS.settleMs);
  assertEquals(alice.closedWith, undefined);
  house.clock.pass(1);
  assertEquals(alice.closedWith, CLOSE.noReciprocal);
  house.assertEmpty();
  house.clock.pass(10 ** 9);
  assertEquals(patient.closedWith, undefined);
});

Deno.test("a hold weighs its bytes and 1 KiB for each frame: above 16 MiB one more closes who cannot be paused with 1013", () => {
  const house = new House();
  const [many, large] = [house.connect("alice", "bob"), house.connect("alice", "carol")];
  const most = 16 * KIB - 16;
  for (let i = 0; i < most + 1; i++) many.receive("x");
  for (let i = 0; i < 16; i++) large.receive("🎉".repeat(MIB / 4));
  assertEquals([many.closedWith, large.closedWith], [undefined, undefined]);
  assertEquals(house.buffers.total, (most + 1) * (KIB + 1) + 16 * (MIB + KIB));
  many.receive("x");
  large.receive("x");
  assertEquals([many.closedWith, large.closedWith], [CLOSE.holdFull, CLOSE.holdFull]);
  house.assertEmpty();
});

Deno.test("who can be paused is paused above 1 MiB and kept, with what was under way, until the other side has caught up", () => {
  const house = new House();
  const alice = house.enter(new PausableSocket(), ["alice", "bob", "doc"]);
  const frames = Array.from({ length: 40 }, (_, i) => new Uint8Array(64 * KIB).fill(i));
  frames.slice(0, 15).forEach((frame) => alice.receive(frame));
  assertEquals(alice.isPaused, false);
  frames.slice(15).forEach((frame) => alice.receive(frame));
  assertEquals([alice.isPaused, alice.closedWith], [true, undefined]);
  const bob = new PausableSocket();
  bob.backlog = MIB;
  house.enter(bob, ["bob", "alice", "doc"]);
  assertEquals([bob.sent, alice.isPaused], [frames, true]);
  bob.drain();
  alice.receive("after");
  assertEquals([bob.sent.at(-1), alice.isPaused], ["after", false]);
});

Deno.test("who was paused while it waited is read again when another side that does not tell has taken it all", () => {
  const house = new House();
  const alice = house.enter(new PausableSocket(), ["alice", "bob", "doc"]);
  alice.receive(new Uint8Array(MIB));
  assertEquals(alice.isPaused, true);
  house.connect("bob", "alice");
  house.clock.pass(LIMITS.askMs);
  assertEquals(alice.isPaused, false);
});

Deno.test("10,000 small messages from both sides at once arrive, whoever comes first", () => {
  const [alice, bob] = [new FakeSocket(), new FakeSocket()];
  const house = new House();
  house.broker.welcome({ localId: "alice", remoteId: "bob", documentId: "doc" }, alice);
  const said = (name: string) => Array.from({ length: 10_000 }, (_, i) => `${name} ${i}`);
  said("alice").forEach((message) => alice.receive(message));
  house.broker.welcome({ localId: "bob", remoteId: "alice", documentId: "doc" }, bob);
  said("bob").forEach((message) => bob.receive(message));
  house.clock.pass(LIMITS.settleMs);
  assertEquals([alice.sent, bob.sent], [said("bob"), said("alice")]);
});

Deno.test("all holds together are bounded: past the sum as many are closed with 1013 as it takes", () => {
  const house = new House({ maxBufferedTotal: 2 * MIB });
  const connections = ["a", "b", "c", "d"].map((id) => house.connect(id, "bob"));
  connections.forEach((pending) => pending.receive(new Uint8Array(MIB * 0.9)));
  house.clock.pass(LIMITS.measureEveryMs);
  const closed = connections.filter(({ closedWith }) => closedWith !== undefined);
  assertEquals(closed.map(({ closedWith }) => closedWith), [CLOSE.outOfBuffers, CLOSE.outOfBuffers]);
});

Deno.test("the same side again while held takes the place; the older one hears 4409 and its late close does nothing", () => {
  const house = new House();
  const older = house.connect("alice", "bob");
  older.receive("from the older");
  const newer = house.connect("alice", "bob");
  newer.receive("from the newer");
  older.vanish({ code: 4409 });
  const bob = house.connect("bob", "alice");
  assertEquals([older.closedWith, bob.sent], [CLOSE.superseded, ["from the newer"]]);
});

Deno.test("the same side again while paired ends the pair with 4409 and 4410, and is held", () => {
  const house = new House();
  const [alice, bob] = house.pair();
  const newer = house.connect("alice", "bob");
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.superseded, CLOSE.peerLost]);
  assertEquals(house.broker.counts, { seekers: 1, pairs: 0 });
  [alice, bob].forEach((socket) => socket.vanish());
  const bobAgain = house.connect("bob", "alice");
  newer.receive("hello again");
  assertEquals(bobAgain.sent, ["hello again"]);
});

Deno.test("a pending is announced to its counterpart after 2 s and then every 15 s, until it is paired", () => {
  const house = new House();
  const key = { localId: "alice", remoteId: "bob", documentId: "doc" };
  house.connect("alice", "bob");
  house.clock.pass(1_999 - LIMITS.settleMs);
  assertEquals(house.reminded, []);
  house.clock.pass(1);
  assertEquals(house.reminded, [key]);
  house.clock.pass(30_000);
  assertEquals(house.reminded, [key, key, key]);
  house.connect("bob", "alice");
  house.clock.pass(60_000);
  assertEquals(house.reminded.length, 3);
});

Deno.test("who waits for a peer that was interested and is not any more hears 4408 after 30 s", () => {
  const house = new House();
  house.interested.add("bob");
  const alice = house.connect("alice", "bob");
  house.clock.pass(60_000);
  house.interested.delete("bob");
  house.clock.pass(LIMITS.ghostMs - 1);
  assertEquals(alice.closedWith, undefined);
  house.clock.pass(LIMITS.remindEveryMs + 1);
  assertEquals(alice.closedWith, CLOSE.noReciprocal);
  house.assertEmpty();
});

Deno.test("who was introduced to a peer that was gone before it could connect hears 4408 after 30 s", () => {
  const house = new House();
  house.interested.add("alice");
  const alice = house.connect("alice", "bob");
  house.clock.pass(LIMITS.remindFirstMs + LIMITS.ghostMs - LIMITS.settleMs - 1);
  assertEquals(alice.closedWith, undefined);
  house.clock.pass(1);
  assertEquals(alice.closedWith, CLOSE.noReciprocal);
});

Deno.test("a peer that comes back in time is waited for, and so is one that stays", () => {
  const house = new House();
  ["alice", "bob", "dave"].forEach((id) => house.interested.add(id));
  const [alice, carol] = [house.connect("alice", "bob"), house.connect("carol", "dave")];
  house.clock.pass(20_000);
  house.interested.delete("bob");
  house.clock.pass(LIMITS.ghostMs);
  house.interested.add("bob");
  house.clock.pass(500_000);
  assertEquals([alice.closedWith, carol.closedWith], [undefined, undefined]);
});

Deno.test("peers of whom no introduction is known may meet without: they are waited for until the hold expires", () => {
  const house = new House();
  const alice = house.connect("alice", "bob");
  house.clock.pass(599_000);
  assertEquals(alice.closedWith, undefined);
});

Deno.test("who cannot be asked for is not taken for gone", () => {
  const house = new House();
  house.interested.add("alice");
  house.isWhole = false;
  const alice = house.connect("alice", "bob");
  house.clock.pass(500_000);
  assertEquals(alice.closedWith, undefined);
});

Deno.test("what a peer said before it hung up waits a second for another, who hears it and then the close", () => {
  const house = new House();
  house.interested.add("bob");
  const alice = house.connect("alice", "bob");
  alice.receive("hello and good-bye");
  alice.vanish({ code: 4000, reason: "bye" });
  house.clock.pass(LIMITS.lastWordsMs - 1);
  const bob = house.connect("bob", "alice");
  assertEquals([bob.sent, bob.closedWith], [["hello and good-bye"], { code: 4000, reason: "bye" }]);
  bob.vanish();
  house.assertEmpty();
});

for (
  const [what, code, said, interested] of [
    ["who said nothing", 1000, [], ["bob"]],
    ["who vanished without a close", undefined, ["hello"], ["bob"]],
    ["whom nobody was introduced to", 1000, ["hello"], []],
  ] as const
) {
  Deno.test(`nothing waits of a peer ${what}`, () => {
    const house = new House();
    interested.forEach((id) => house.interested.add(id));
    const alice = house.connect("alice", "bob");
    said.forEach((message) => alice.receive(message));
    alice.vanish({ code });
    house.assertEmpty();
  });
}

Deno.test("last words wait also for one whose peer has joined after it connected", () => {
  const house = new House();
  const alice = house.connect("alice", "bob");
  alice.receive("hello and good-bye");
  house.interested.add("alice");
  alice.vanish({ code: 4000, reason: "bye" });
  const bob = house.connect("bob", "alice");
  assertEquals([bob.sent, bob.closedWith], [["hello and good-bye"], { code: 4000, reason: "bye" }]);
  bob.vanish();
  house.assertEmpty();
});

Deno.test("last words wait no longer than a second, and no longer than until the peer is back", () => {
  const house = new House();
  house.interested.add("bob");
  const alice = house.connect("alice", "bob");
  alice.receive("hello");
  alice.vanish({ code: 1000 });
  const again = house.connect("alice", "bob");
  again.receive("again");
  again.vanish({ code: 1000 });
  house.clock.pass(LIMITS.lastWordsMs);
  house.assertEmpty();
});

Deno.test("a receiver that lets 16 MiB wait ends the pair with 1013 on both sides; one large frame may pass", () => {
  const house = new House();
  const [alice, bob] = house.pair();
  bob.backlog = 16 * MIB;
  alice.receive(new Uint8Array(8));
  assertEquals(bob.closedWith, undefined);
  bob.backlog += 8;
  alice.receive("one more");
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.slowReader, CLOSE.slowReader]);
  assertEquals(bob.sent, [new Uint8Array(8)]);
});

Deno.test("who has just come is not slow, however much was held for it; what follows is bounded", () => {
  const house = new House({ maxBufferedBytes: 0 });
  const alice = house.connect("alice", "bob");
  ["1", "2", "3"].forEach((frame) => alice.receive(frame));
  const bob = new FakeSocket();
  bob.backlog = 1;
  house.broker.welcome({ localId: "bob", remoteId: "alice", documentId: "doc" }, bob);
  house.clock.pass(LIMITS.settleMs);
  assertEquals([bob.sent, alice.closedWith, bob.closedWith], [["1", "2", "3"], undefined, undefined]);
  alice.receive("4");
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.slowReader, CLOSE.slowReader]);
  [alice, bob].forEach((socket) => socket.vanish());
  house.assertEmpty();
});

Deno.test("an endless stream of empty frames ends the pair: 1008 to who sends it, 4410 to the other", () => {
  const [alice, bob] = new House().pair();
  for (let i = 0; i < LIMITS.emptyFrameBurst; i++) alice.receive("");
  bob.receive("");
  assertEquals(alice.closedWith, undefined);
  // A few more are allowed for the time that has passed.
  for (let i = 0; i < 100; i++) alice.receive(new Uint8Array());
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.flooding, CLOSE.peerLost]);
});

Deno.test("past the sum of all backlogs the pair with the largest is closed, and the others live", () => {
  const house = new House({ maxBufferedTotal: 20 * MIB });
  const pairs = [3, 12, 6].map((size, i) => {
    const [from, to] = [house.connect(`${i}`, "hub"), house.connect("hub", `${i}`)];
    to.backlog = size * MIB;
    from.receive("x");
    return to;
  });
  assertEquals(pairs.map(({ closedWith }) => closedWith), [undefined, CLOSE.outOfBuffers, undefined]);
});

Deno.test("a closed pending keeps nothing, even while its socket stays", () => {
  const house = new House();
  const alice = house.connect("alice", "bob");
  alice.receive(new Uint8Array(16 * MIB));
  alice.receive("x");
  assertEquals([alice.closedWith, house.buffers.total, house.clock.pending], [CLOSE.holdFull, 0, 0]);
});

Deno.test("when the transport closes one side by itself, the other hears at once", () => {
  const house = new House();
  const [alice, bob] = house.pair();
  alice.fail(CLOSE.tooBig);
  assertEquals([bob.closedWith, house.broker.counts.pairs], [CLOSE.tooBig, 0]);
});

Deno.test("many small backlogs are bounded in their sum, too", () => {
  const house = new House({ maxBufferedTotal: 2 * MIB });
  const readers = Array.from({ length: 10 }, (_, i) => {
    const [from, to] = [house.connect(`${i}`, "hub"), house.connect("hub", `${i}`)];
    to.backlog = 0.3 * MIB;
    from.receive("x");
    house.clock.pass(LIMITS.measureEveryMs);
    return to;
  });
  const kept = readers.filter(({ closedWith }) => closedWith === undefined).reduce(
    (sum, { backlog }) => sum + backlog,
    0,
  );
  assertEquals(kept <= 2 * MIB, true, `${kept} bytes are kept`);
});

Deno.test("past the sum somebody is closed, though it was measured just before, and nobody sends any more", () => {
  const house = new House({ maxBufferedTotal: 2 * MIB });
  const [alice, bob] = house.pair();
  assertEquals(house.buffers.total, 0);
  bob.backlog = 3 * MIB;
  alice.receive("x");
  assertEquals(bob.closedWith, undefined);
  house.clock.pass(LIMITS.measureEveryMs);
  assertEquals(bob.closedWith, CLOSE.outOfBuffers);
});

Deno.test("what a closed socket still keeps is shown, and not held against the others", () => {
  const house = new House({ maxBufferedTotal: 4 * MIB });
  const [alice, bob] = house.pair();
  bob.backlog = 5 * MIB;
  alice.receive("x");
  assertEquals(bob.closedWith, CLOSE.outOfBuffers);
  house.clock.pass(LIMITS.measureEveryMs);
  const [carol, dave] = [house.connect("carol", "dave"), house.connect("dave", "carol")];
  dave.backlog = MIB / 2;
  carol.receive("x");
  assertEquals([dave.closedWith, house.buffers.total > 5 * MIB], [undefined, true]);
  [alice, bob, carol, dave].forEach((socket) => socket.vanish());
  house.assertEmpty();
});

Deno.test("a backlog that drained unseen is measured before anybody is closed for it", () => {
  const house = new House({ maxBufferedTotal: 4 * MIB });
  const [alice, bob] = house.pair();
  bob.backlog = 3 * MIB;
  alice.receive("x");
  bob.backlog = 0;
  const [carol, dave] = [house.connect("carol", "dave"), house.connect("dave", "carol")];
  dave.backlog = 2 * MIB;
  carol.receive("x");
  assertEquals([bob.closedWith, dave.closedWith], [undefined, undefined]);
});

type Step = ["connect" | "vanish", number] | ["send", number, number] | ["wait"];
const SIDES = [["a", "b", "1"], ["b", "a", "1"], ["a", "b", "2"], ["b", "a", "2"], ["a", "c", "1"], ["c", "a", "1"]];

Deno.test("under any connects, frames and closes it does what a naive model does, and keeps nothing", () => {
  const side = fc.nat(SIDES.length - 1);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(fc.constantFrom("connect" as const, "vanish" as const), side),
    fc.tuple(fc.constant("send" as const), side, fc.nat(1_000)),
    fc.tuple(fc.constant("wait" as const)),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 50 }), compareWithModel), { numRuns: 1_000 });
});

interface ModelSocket {
  socket: FakeSocket;
  partner: ModelSocket | undefined;
  held: string[];
  heard: string[];
  closedWith: Close | undefined;
}

/** The latest socket of each side, and which of them are partners. */
function compareWithModel(steps: Step[]): void {
  const house = new House();
  const latest = new Map<number, ModelSocket>();
  const all: ModelSocket[] = [];
  const end = (model: ModelSocket, own: Close | undefined, other: Close) => {
    model.closedWith ??= own;
    if (model.partner !== undefined) model.partner.closedWith ??= other;
    for (const one of [model, model.partner]) {
      latest.forEach((value, key) => value === one && latest.delete(key));
    }
  };
  for (const [kind, side, value] of steps) {
    const current = side === undefined ? undefined : latest.get(side);
    if (kind === "wait") house.clock.pass(1_000);
    else if (kind === "connect") {
      if (current !== undefined) end(current, CLOSE.superseded, CLOSE.peerLost);
      const [localId, remoteId, documentId] = SIDES[side];
      const socket = house.connect(localId, remoteId, documentId);
      const partner = latest.get(side ^ 1);
      const model: ModelSocket = { socket, partner, held: [], heard: partner?.held ?? [], closedWith: undefined };
      if (partner !== undefined) partner.partner = model;
      latest.set(side, model);
      all.push(model);
    } else if (current !== undefined && kind === "vanish") {
      end(current, undefined, CLOSE.peerLost);
      current.socket.vanish();
    } else if (current !== undefined) {
      current.socket.receive(`${value}`);
      (current.partner?.heard ?? current.held).push(`${value}`);
    }
    for (const model of all) assertEquals(model.socket.closedWith, model.closedWith);
    for (const model of all) assertEquals(model.socket.sent, model.heard);
  }
  for (const { socket } of all) socket.vanish();
  house.assertEmpty();
}
