import { assert, assertEquals } from "@std/assert";
import { CLOSE, KIND, RecordReader, RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import { byteLength } from "../../src/server/transport/transport.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { MuxHouse } from "./mux_house.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SMALL_FRAMES = 1_000;

Deno.test("what many say in one turn is few frames of at most 64 KiB", () => {
  const house = new MuxHouse();
  const documents = Array.from({ length: 100 }, (_, i) => `doc ${i}`);
  const [alice, bob] = house.pair(...documents);
  bob.read();
  const before = bob.recordFrames;
  for (const i of documents.keys()) alice.socket.receive(data(i + 1, 1_000));
  house.turn();
  bob.gives = false;
  bob.read();
  assertEquals(bob.recordFrames - before, 2);
  for (const i of documents.keys()) assertEquals(bob.on(i + 1).messages, [new Uint8Array(1_000)]);
  assert(bob.socket.sent.every((frame) => byteLength(frame) <= WIRE_LIMITS.recordFrameBytes));
});

Deno.test("a small message beside bulk waits for one record of each bulk stream at most", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair("bulk", "more bulk", "small");
  bob.gives = false;
  for (const stream of [1, 2]) bob.window(stream, MIB);
  for (let i = 0; i < 6; i++) for (const stream of [1, 2]) alice.socket.receive(data(stream, 32 * KIB - 64));
  alice.socket.receive(data(3, 64));
  bob.read();
  const before = bob.records.length;
  house.turn();
  bob.read();
  const turns = bob.records.slice(before).filter(([kind]) => kind === KIND.data).map(([, stream]) => stream);
  assertEquals(turns.length, 13);
  assert(turns.indexOf(3) <= 2, `turns: ${turns}`);
  // They share in between.
  assertEquals([turns.slice(0, 7).filter((stream) => stream === 1).length], [3]);
});

Deno.test("nothing is written while 256 KiB wait in the socket; then what needs no credit goes first", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair("one", "two");
  alice.window(1, MIB);
  bob.socket.backlog = LIMITS.socketBacklogBytes + 1;
  const before = bob.socket.sent.length;
  alice.bytes(1, 100);
  // Alice closes one behind its data; bob gets credit for what he sends on it.
  alice.close(2, 4000, "done");
  for (let i = 0; i < 5; i++) bob.bytes(1, 32 * KIB);
  house.clock.pass(1_000);
  assertEquals(bob.socket.sent.length, before);
  bob.socket.backlog = LIMITS.socketBacklogBytes;
  // Bob has not said that his socket took something: the relay looks by itself.
  house.clock.pass(LIMITS.lookAgainMs.most);
  house.turn();
  const after = kinds(bob.socket.sent.slice(before) as Uint8Array<ArrayBuffer>[]);
  assertEquals(after, [[KIND.close, 2], [KIND.window, 1], [KIND.data, 1]]);
});

Deno.test("a socket that is full is looked at again at once when its peer says something", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.socket.backlog = LIMITS.socketBacklogBytes + 1;
  alice.text(1, "hello");
  house.clock.pass(1_000);
  bob.socket.backlog = 0;
  bob.text(1, "I live");
  assertEquals(bob.on(1).messages, ["hello"]);
});

Deno.test("a socket that takes nothing for 60 s while something waits is closed", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.socket.backlog = 2 * MIB;
  alice.text(1, "hello");
  house.clock.pass(50_000);
  bob.socket.backlog -= 1;
  house.clock.pass(59_000);
  assertEquals(bob.socket.closedWith, undefined);
  house.clock.pass(2_000);
  house.turn();
  assertEquals([bob.socket.closedWith, alice.on(1).close], [CLOSE.slowReader, CLOSE.peerLost]);
});

Deno.test("in the memory budget a socket is one holder, and evicting closes its largest stream alone", () => {
  const house = new MuxHouse({ maxBufferedTotal: 100 * KIB });
  const documents = ["small", "large", "empty"];
  const [alice, bob] = house.pair(...documents);
  bob.gives = false;
  // Bob's credit is spent on all, then more waits.
  for (const stream of [1, 2]) for (let i = 0; i < 2; i++) alice.bytes(stream, 32 * KIB - 64);
  alice.bytes(1, 20 * KIB);
  house.clock.pass(LIMITS.measureEveryMs);
  while (bob.on(2).close === undefined && alice.socket.closedWith === undefined && bob.on(2).parts < 10) {
    house.clock.pass(LIMITS.measureEveryMs);
    alice.bytes(2, 30 * KIB);
  }
  assertEquals([alice.on(2).close, bob.on(2).close], [CLOSE.outOfBuffers, CLOSE.outOfBuffers]);
  assertEquals([bob.on(1).close, bob.on(3).close, bob.socket.closedWith], [undefined, undefined, undefined]);
  assert(house.buffers.total < 50 * KIB, `${house.buffers.total} bytes`);
});

Deno.test("the streams of a socket that takes nothing are evicted before the socket, however much that keeps", () => {
  const house = new MuxHouse({ maxBufferedTotal: 500 * KIB });
  const [alice, bob] = house.pair(...Array.from({ length: 20 }, (_, i) => `doc ${i}`));
  bob.socket.backlog = LIMITS.socketBacklogBytes + 1;
  for (let stream = 1; stream <= 20; stream++) alice.bytes(stream, 30 * KIB);
  house.clock.pass(2 * LIMITS.measureEveryMs);
  bob.socket.drain();
  house.clock.pass(LIMITS.lookAgainMs.most);
  house.turn();
  const evicted = Array.from({ length: 20 }, (_, i) => bob.on(i + 1).close).filter((close) => close !== undefined);
  assert(evicted.length > 0 && evicted.length < 20, `${evicted.length} streams`);
  assertEquals(evicted, evicted.map(() => CLOSE.outOfBuffers));
  assertEquals([bob.socket.closedWith, alice.socket.closedWith], [undefined, undefined]);
});

Deno.test("a socket that keeps too much by itself is evicted behind its streams, those that keep nothing too", () => {
  const house = new MuxHouse({ maxBufferedTotal: 500 * KIB });
  const [alice, bob] = house.pair("one", "empty");
  bob.socket.backlog = 600 * KIB;
  assert(house.buffers.total > 500 * KIB);
  alice.bytes(1, 30 * KIB);
  house.clock.pass(2 * LIMITS.measureEveryMs);
  assertEquals([bob.socket.closedWith, alice.socket.closedWith], [CLOSE.outOfBuffers, undefined]);
});

Deno.test("many streams that keep little each are evicted as fast as they come", () => {
  const limit = 256 * KIB;
  const house = new MuxHouse({ maxBufferedTotal: limit });
  const alice = house.client("alice");
  const numbers = Array.from({ length: 100 }, (_, i) => alice.open({ userName: "bob", documentId: `doc ${i}` }));
  for (const number of numbers) alice.bytes(number, 8 * KIB);
  house.clock.pass(2 * LIMITS.measureEveryMs);
  house.turn();
  const open = numbers.filter((number) => alice.on(number).close === undefined);
  assert(house.buffers.total <= limit, `${house.buffers.total} bytes`);
  assert(house.buffers.total > limit - 10 * KIB, `${house.buffers.total} bytes`);
  assertEquals([open.length, alice.socket.closedWith], [house.multiplexer.streams, undefined]);
});

Deno.test("very many streams that keep next to nothing count as what they keep together", () => {
  const limit = 512 * KIB;
  const house = new MuxHouse({ maxBufferedTotal: limit });
  const [alice, bob] = house.pair(...Array.from({ length: 200 }, (_, i) => `doc ${i}`));
  bob.socket.backlog = LIMITS.socketBacklogBytes + 1;
  for (let stream = 1; stream <= 200; stream++) alice.bytes(stream, 3 * KIB);
  house.clock.pass(2 * LIMITS.measureEveryMs);
  bob.socket.drain();
  house.clock.pass(LIMITS.lookAgainMs.most);
  house.turn();
  const evicted = Array.from({ length: 200 }, (_, i) => bob.on(i + 1).close).filter((close) => close !== undefined);
  assert(evicted.length > 100 && evicted.length < 200, `${evicted.length} streams`);
});

Deno.test("what an eviction drops behind a close is told: it does not look like the end that was meant", () => {
  const house = new MuxHouse({ maxBufferedTotal: 100 * KIB });
  const [alice, bob] = house.pair("evicted", "other");
  bob.gives = false;
  for (let i = 0; i < 4; i++) alice.bytes(1, 30_000);
  alice.close(1, 1000, "bye");
  for (let i = 0; i < 10; i++) {
    house.clock.pass(LIMITS.measureEveryMs);
    alice.bytes(2, 30_000);
  }
  assertEquals(bob.on(1).close, CLOSE.outOfBuffers);
});

Deno.test("a peer may close with 1013 itself: what it said before arrives", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.gives = false;
  for (let i = 0; i < 4; i++) alice.bytes(1, 30_000);
  alice.close(1, 1013, "try again later");
  house.turn();
  assertEquals(bob.on(1).close, undefined);
  bob.window(1, LIMITS.streamWindowBytes);
  assertEquals([bob.on(1).parts, bob.on(1).close], [4, { code: 1013, reason: "try again later" }]);
});

Deno.test("a window of empty or one-byte records weighs what it costs", () => {
  for (const length of [0, 1]) {
    const house = new MuxHouse();
    const [alice, bob] = house.pair();
    bob.gives = false;
    let records = 0;
    for (let credit = alice.credit(1); credit - records * (64 + length) >= 64 + length; credit = alice.credit(1)) {
      alice.socket.receive(data(1, length));
      records += 1;
      if (records % 100 === 0) house.turn();
    }
    house.turn();
    const waiting = records - bob.on(1).messages.length;
    assert(waiting > 500 && house.buffers.total >= waiting * (WIRE_LIMITS.recordCost + length), `${waiting}`);
    assert(house.buffers.total < 2 * MIB, `${house.buffers.total} bytes`);
  }
});

Deno.test("what waits keeps nothing else of the frame in memory that it came in", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair("one", "two");
  bob.gives = false;
  for (let i = 0; i < 2; i++) alice.bytes(1, 32 * KIB - 64);
  const frame = new RecordWriter();
  frame.data(1, new Uint8Array([7]), { text: false, more: false });
  frame.data(2, new Uint8Array(32 * KIB), { text: false, more: false });
  const bytes = frame.take();
  alice.socket.receive(bytes);
  house.turn();
  // The relay's memory of that frame is its own no more: it may be read into again.
  bytes.fill(9);
  bob.window(1, WIRE_LIMITS.firstWindowBytes);
  assertEquals(bob.on(1).messages.at(-1), new Uint8Array([7]));
});

Deno.test("what comes in one turn in many small frames is read in many turns, whatever is in them", () => {
  const frames = {
    "data": () => data(1, 1),
    "nothing": () => "[]",
    "opens": (i: number) => open(2 + i),
  };
  for (const [what, frame] of Object.entries(frames)) {
    const house = new MuxHouse();
    const [alice] = house.pair();
    // A look at the time takes as long as anything else here.
    house.clock.tickMs = 0.5;
    const before = house.multiplexer.streams;
    for (let i = 0; i < SMALL_FRAMES; i++) alice.socket.receive(frame(i));
    const opens = what === "opens" ? SMALL_FRAMES : 0;
    alice.socket.receive(open(2 + opens));
    let turns = 0;
    for (; house.multiplexer.streams <= before + opens; turns++) house.clock.pass(LIMITS.pollMs);
    assert(turns > 10, `${what}: ${SMALL_FRAMES} frames in ${turns} turns`);
  }
});

function open(number: number): Uint8Array<ArrayBuffer> {
  const frame = new RecordWriter();
  frame.open(number, { userName: "carol", documentId: `doc ${number}` });
  return frame.take();
}

function data(stream: number, length: number): Uint8Array<ArrayBuffer> {
  const frame = new RecordWriter();
  frame.data(stream, new Uint8Array(length), { text: false, more: false });
  return frame.take();
}

function kinds(frames: readonly Uint8Array<ArrayBuffer>[]): (readonly [number, number])[] {
  return frames.flatMap((frame) => {
    const found: (readonly [number, number])[] = [];
    const record = new RecordReader(frame);
    while (record.next()) found.push([record.kind, record.stream]);
    return found;
  });
}
