import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CLOSE, KIND, RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Part } from "../../src/server/core/message.ts";
import { plain } from "../backplane/houses.ts";
import { BROKEN, bytes } from "../protocol/golden.ts";
import { type MuxClient, MuxHouse } from "./mux_house.ts";

const KIB = 1024;
const WINDOW = LIMITS.streamWindowBytes;

Deno.test("two streams meet: opened first, then credit, then what was said before the other side came", () => {
  const house = new MuxHouse();
  const [alice, bob] = [house.client("alice"), house.client("bob")];
  const number = alice.open({ userName: "bob", documentId: "doc" });
  alice.text(number, "hello");
  alice.write((frame) => frame.data(number, bytes("00ff"), { text: false, more: false }));
  assertEquals([alice.on(1).isOpened, alice.credit(1)], [false, WIRE_LIMITS.firstWindowBytes]);
  bob.open({ userName: "alice", documentId: "doc" });
  assertEquals(bob.on(1).messages, ["hello", bytes("00ff")]);
  assertEquals(bob.records.map(([kind]) => kind), [KIND.opened, KIND.window, KIND.data, KIND.data]);
  bob.text(1, "hello back");
  assertEquals(alice.on(1).messages, ["hello back"]);
  // What was held costs credit, which comes back with the partner.
  const held = 5 + 2 + 2 * 64;
  assertEquals([alice.credit(1), bob.credit(1)], [WINDOW + held, WINDOW]);
});

Deno.test("a part that is longer than a record, as other instances send them, is cut into records", () => {
  const house = new MuxHouse();
  const alice = house.client("alice");
  alice.open({ userName: "bob", documentId: "doc" });
  const bob = house.connect("bob", "alice");
  house.turn();
  bob.receive(new Part(new Uint8Array(LIMITS.chunkBytes).fill(7), false, true, true));
  house.turn();
  assertEquals(alice.on(1).messages, [new Uint8Array(LIMITS.chunkBytes).fill(7)]);
});

Deno.test("a close crosses behind the data before it, with code and reason, and is not answered", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair("one", "two");
  alice.write(
    (frame) => frame.data(1, bytes("6869"), { text: true, more: false }),
    (frame) => frame.close(1, { code: 4321, reason: "enough" }),
  );
  assertEquals(bob.on(1), Object.assign(bob.on(1), { messages: ["hi"], close: { code: 4321, reason: "enough" } }));
  assertEquals(alice.on(1).close, undefined);
  // It crossed: nobody minds.
  bob.text(1, "too late");
  bob.window(1, 5);
  bob.close(1);
  alice.text(1, "too late");
  alice.text(2, "still here");
  assertEquals([bob.on(2).messages, alice.on(1).messages], [["still here"], []]);
  assertEquals([alice.socket.closedWith, bob.socket.closedWith], [undefined, undefined]);
  assertEquals([house.multiplexer.streams, house.broker.counts.pairs], [2, 1]);
});

Deno.test("when a socket ends, however it does, the partners of its streams hear 4410, and nothing is left", () => {
  for (const end of ["vanish", "close", "violate"] as const) {
    const house = new MuxHouse();
    const [alice, bob] = house.pair("one", "two");
    alice.open({ userName: "carol", documentId: "doc" });
    alice.close(2, 4000, "mine");
    if (end === "vanish") alice.socket.vanish();
    else if (end === "close") alice.socket.vanish({ code: 4001, reason: "whatever" });
    else {
      alice.socket.receive(bytes("00"));
      assertEquals(alice.socket.closedWith?.code, 1002);
      alice.socket.vanish({ code: 1002 });
    }
    house.turn();
    assertEquals([bob.on(1).close, bob.on(2).close], [CLOSE.peerLost, { code: 4000, reason: "mine" }]);
    bob.socket.vanish();
    house.assertEmpty();
  }
});

Deno.test("a stream and a connection socket are two halves of a pair", () => {
  const house = new MuxHouse();
  const alice = house.client("alice");
  const bob = house.connect("bob", "alice");
  bob.receive("early");
  alice.open({ userName: "bob", documentId: "doc" });
  for (const message of ["", "text", new Uint8Array(), new Uint8Array(100_000)]) bob.receive(message);
  alice.write(
    (frame) => frame.data(1, bytes("c3"), { text: true, more: true }),
    (frame) => frame.data(1, bytes("bc"), { text: true, more: false }),
    (frame) => frame.data(1, bytes(""), { text: false, more: false }),
  );
  assertEquals(alice.on(1).messages, ["early", "", "text", new Uint8Array(), new Uint8Array(100_000)]);
  assertEquals(bob.sent.map(plain), ["ü", new Uint8Array()]);
  bob.vanish({ code: 4001, reason: "bye" });
  house.turn();
  assertEquals(alice.on(1).close, { code: 4001, reason: "bye" });
  alice.socket.vanish();
  house.assertEmpty();
});

Deno.test("the same side again takes the place of the older one, also from another socket", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  const again = house.client("alice");
  again.open({ userName: "bob", documentId: "doc" });
  assertEquals([alice.on(1).close, bob.on(1).close], [CLOSE.superseded, CLOSE.peerLost]);
  bob.open({ userName: "alice", documentId: "doc" });
  assertEquals([again.on(1).isOpened, bob.on(2).isOpened], [true, true]);
});

Deno.test("a stream that nobody comes for is closed with 4408", () => {
  const house = new MuxHouse();
  const alice = house.client("alice");
  alice.open({ userName: "bob", documentId: "doc" });
  house.clock.pass(600_000);
  house.turn();
  assertEquals(alice.on(1).close, CLOSE.noReciprocal);
  alice.socket.vanish();
  house.assertEmpty();
});

const VIOLATIONS: readonly [how: string, reason: string, records: ((frame: RecordWriter) => void)[]][] = [
  ["a stream is opened out of turn", "stream is not the last one plus 1", [
    (frame) => frame.open(3, { userName: "bob", documentId: "x" }),
  ]],
  ["a stream is opened again", "stream is not the last one plus 1", [
    (frame) => frame.open(1, { userName: "bob", documentId: "x" }),
  ]],
  ["data is for a stream that was never opened", "stream was not opened", [
    (frame) => frame.data(2, bytes("00"), { text: false, more: false }),
  ]],
  ["a window is for a stream that was never opened", "stream was not opened", [(frame) => frame.window(2, 1)]],
  ["a client says opened", "opened from a client", [(frame) => frame.opened(1)]],
  ["a message changes its type", "message changes its type", [
    (frame) => frame.data(1, bytes("00"), { text: false, more: true }),
    (frame) => frame.data(1, bytes("00"), { text: true, more: false }),
  ]],
  ["credit is more than 31 bits", "credit is beyond 2^31-1", [(frame) => frame.window(1, 2 ** 31 - 1)]],
];

for (const [how, reason, records] of VIOLATIONS) {
  Deno.test(`the socket is closed with 1002 when ${how}; others live on`, () => {
    const house = new MuxHouse();
    const [alice, bob] = house.pair();
    alice.write(...records);
    house.turn();
    assertEquals(alice.socket.closedWith, { code: 1002, reason });
    assertEquals([bob.on(1).close, bob.socket.closedWith], [CLOSE.peerLost, undefined]);
  });
}

Deno.test("every frame that cannot be read closes the socket with 1002 and the reason", () => {
  for (const [hex, reason] of BROKEN) {
    const house = new MuxHouse();
    const [alice] = house.pair();
    alice.socket.receive(bytes(hex));
    assertEquals(alice.socket.closedWith, { code: 1002, reason: alice.socket.closedWith?.reason }, hex);
    if (!hex.startsWith("01 02")) assertEquals(alice.socket.closedWith?.reason, reason, hex);
  }
});

Deno.test("more data than credit closes the socket with 1002, to the byte", () => {
  for (const excess of [0, 1]) {
    const alice = new MuxHouse().client("alice");
    alice.open({ userName: "bob", documentId: "doc" });
    const lengths = [32 * KIB, 0, 1, WIRE_LIMITS.firstWindowBytes - 32 * KIB - 1 - 4 * 64 + excess];
    for (const length of lengths) alice.bytes(1, length);
    const close = excess === 0 ? undefined : { code: 1002, reason: "more data than credit" };
    assertEquals([alice.socket.closedWith, alice.credit(1)], [close, WIRE_LIMITS.firstWindowBytes]);
  }
});

Deno.test("no credit comes back before the partner, nor for what the partner does not take", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.gives = false;
  let sent = 0;
  for (; alice.credit(1) - sent >= 10_064; sent += 10_064) alice.bytes(1, 10_000);
  house.clock.pass(50_000);
  // What bob has credit for has crossed; of the rest, no more waits than a window and what is passed on at once.
  assert(sent <= 64 * KIB + WINDOW + LIMITS.streamPauseBytes + WINDOW / 2, `${sent} bytes were taken`);
  const got = bob.on(1).parts;
  bob.window(1, 2 ** 30);
  assertEquals(bob.on(1).messages.length, sent / 10_064);
  assert(got < sent / 10_064);
  assert(alice.credit(1) - sent >= WINDOW / 2);
});

Deno.test("a reader that stops costs its stream after 60 s, and no other waits", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair("slow", "fast");
  bob.gives = false;
  while (alice.credit(1) >= 40_000 * (bob.on(1).parts + 1) && bob.on(1).parts < 1) alice.bytes(1, 30_000);
  for (let i = 0; i < 4; i++) alice.bytes(1, 30_000);
  alice.text(2, "meanwhile");
  assertEquals(bob.on(2).messages, ["meanwhile"]);
  house.clock.pass(59_999);
  house.turn();
  assertEquals([alice.on(1).close, bob.on(1).close], [undefined, undefined]);
  house.clock.pass(1);
  house.turn();
  assertEquals([alice.on(1).close, bob.on(1).close], [CLOSE.slowReader, CLOSE.slowReader]);
  alice.text(2, "afterwards");
  assertEquals(bob.on(2).messages, ["meanwhile", "afterwards"]);
  alice.close(2);
  bob.close(2);
  for (const client of [alice, bob]) client.socket.vanish();
  house.assertEmpty();
});

Deno.test("a stream whose reader gives a little credit now and then lives on, and has 60 s again each time", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.gives = false;
  for (let i = 0; i < 6; i++) alice.bytes(1, 30_000);
  for (let i = 0; i < 3; i++) {
    house.clock.pass(59_999);
    // Not enough for the next record.
    bob.window(1, 1);
  }
  house.clock.pass(59_999);
  house.turn();
  assertEquals([alice.on(1).close, bob.on(1).close], [undefined, undefined]);
  house.clock.pass(1);
  house.turn();
  assertEquals([alice.on(1).close, bob.on(1).close], [CLOSE.slowReader, CLOSE.slowReader]);
});

Deno.test("a stream that is given no credit is closed after 60 s for a partner on a socket of its own, too", () => {
  for (const end of ["stays", "closes"] as const) {
    const house = new MuxHouse();
    const bob = house.client("bob");
    bob.gives = false;
    bob.open({ userName: "alice", documentId: "doc" });
    const alice = house.connect("alice", "bob");
    for (let i = 0; i < 4; i++) alice.receive(new Uint8Array(30_000));
    if (end === "closes") alice.vanish({ code: 4000, reason: "done" });
    house.turn();
    assertEquals([bob.on(1).parts, bob.on(1).close, alice.closedWith], [2, undefined, undefined]);
    house.clock.pass(59_999);
    house.turn();
    assertEquals([bob.on(1).close, alice.closedWith], [undefined, undefined]);
    house.clock.pass(1);
    house.turn();
    const told = end === "stays" ? CLOSE.slowReader : undefined;
    assertEquals([bob.on(1).close, alice.closedWith], [CLOSE.slowReader, told]);
    bob.socket.vanish();
    alice.vanish();
    house.assertEmpty();
  }
});

Deno.test("credit for which nothing can be sent does not delay a close, however often it comes", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.gives = false;
  for (let i = 0; i < 4; i++) alice.bytes(1, 30_000);
  alice.close(1, 4000, "done");
  for (let second = 0; second < 60; second++) {
    assertEquals(bob.on(1).close, undefined);
    bob.window(1, 1);
    house.clock.pass(1_000);
    house.turn();
  }
  assertEquals(bob.on(1).close, CLOSE.slowReader);
});

Deno.test("data that has no credit delays a close by 60 s at most, and its loss is told", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.gives = false;
  for (let i = 0; i < 4; i++) alice.bytes(1, 30_000);
  alice.close(1, 4000, "done");
  assertEquals(bob.on(1).close, undefined);
  house.clock.pass(60_000);
  house.turn();
  assertEquals(bob.on(1).close, CLOSE.slowReader);
  const [carol, dave] = [house.client("carol"), house.client("dave")];
  carol.open({ userName: "dave", documentId: "doc" });
  dave.open({ userName: "carol", documentId: "doc" });
  dave.gives = false;
  for (let i = 0; i < 4; i++) carol.bytes(1, 30_000);
  carol.close(1, 4000, "done");
  dave.window(1, WINDOW);
  assertEquals([dave.on(1).parts, dave.on(1).close], [4, { code: 4000, reason: "done" }]);
});

Deno.test("text that is not UTF-8 closes its stream with 1007, wherever it is cut; the partner hears of a loss", () => {
  for (const cut of [["ff"], ["c3", "28"], ["c3", ""], ["c3"], ["eda080"]]) {
    const house = new MuxHouse();
    const [alice, bob] = house.pair();
    alice.write(
      ...cut.map((hex, i) => (frame: RecordWriter) =>
        frame.data(1, bytes(hex), { text: true, more: i < cut.length - 1 })
      ),
    );
    assertEquals([alice.on(1).close, bob.on(1).close], [CLOSE.notUtf8, CLOSE.peerLost], cut.join());
    assertEquals([alice.socket.closedWith, bob.on(1).messages], [undefined, []]);
  }
});

Deno.test("a message over the size closes its stream with 1009 for both, in as many parts as it likes", () => {
  const house = new MuxHouse({ maxMessageBytes: 1_000 });
  const [alice, bob] = house.pair("one", "two");
  alice.bytes(1, 1_000);
  for (let i = 0; i < 10; i++) alice.bytes(1, 100, true);
  alice.bytes(1, 1);
  assertEquals(bob.on(1).messages.length, 1);
  assertEquals([alice.on(1).close, bob.on(1).close], [CLOSE.tooBig, CLOSE.tooBig]);
  alice.text(2, "still here");
  assertEquals(bob.on(2).messages, ["still here"]);
});

Deno.test("streams are bounded in all: who is refused hears so, and a place that is given back is taken again", () => {
  const house = new MuxHouse({ maxStreams: 2 });
  const [alice, bob] = house.pair();
  alice.open({ userName: "carol", documentId: "doc" });
  assertEquals(alice.on(2).close, CLOSE.full);
  bob.close(1);
  alice.open({ userName: "carol", documentId: "doc" });
  assertEquals([alice.on(3).close, house.multiplexer.streams], [undefined, 1]);
  assertEquals(house.counters.opened.stream, 3);
});

Deno.test("streams of one socket are bounded", () => {
  const house = new MuxHouse();
  const alice = house.client("alice");
  for (let i = 0; i <= LIMITS.streamsPerSocket; i++) {
    alice.socket.receive(openFrame(i + 1, `${i}`));
  }
  house.turn();
  assertEquals(alice.on(LIMITS.streamsPerSocket).close, undefined);
  assertEquals(alice.on(LIMITS.streamsPerSocket + 1).close, CLOSE.full);
  assertEquals(house.multiplexer.streams, LIMITS.streamsPerSocket);
  alice.socket.vanish();
  house.assertEmpty();
});

Deno.test("opening and closing in a loop is not free", () => {
  const house = new MuxHouse();
  const alice = house.client("alice");
  let opened = 0;
  while (alice.socket.closedWith === undefined && opened < 50_000) {
    const number = ++opened;
    alice.socket.receive(openFrame(number, "doc"));
    alice.socket.receive(closeFrame(number));
  }
  assertEquals([alice.socket.closedWith, opened], [CLOSE.flooding, LIMITS.openBurst + 1]);
  alice.socket.vanish();
  house.assertEmpty();
});

Deno.test("a peer cannot connect to itself", () => {
  const alice = new MuxHouse().client("alice");
  alice.open({ userName: "alice", documentId: "doc" });
  assertEquals(alice.on(1).close, { code: 1002, reason: "a peer cannot connect to itself" });
  assertEquals(alice.socket.closedWith, undefined);
});

Deno.test("whatever is said in whatever parts, with whatever credit, arrives as it was said", () => {
  const message = fc.record({ text: fc.boolean(), lengths: fc.array(fc.nat(9_000), { minLength: 1, maxLength: 5 }) });
  const plan = fc.record({ messages: fc.array(message, { maxLength: 12 }), grants: fc.infiniteStream(fc.nat(70_000)) });
  fc.assert(
    fc.property(plan, ({ messages, grants }) => {
      const house = new MuxHouse();
      const [alice, bob] = house.pair();
      bob.gives = false;
      const said: (string | Uint8Array)[] = [];
      for (const { text, lengths } of messages) {
        lengths.forEach((length, i) => {
          while (alice.credit(1) - spent(alice) < length + 64) {
            bob.on(1);
            bob.window(1, 1 + grants.next().value);
          }
          note(alice, length + 64);
          const more = i < lengths.length - 1;
          if (text) alice.text(1, "x".repeat(length), more);
          else alice.bytes(1, length, more);
        });
        const length = lengths.reduce((sum, part) => sum + part, 0);
        said.push(text ? "x".repeat(length) : new Uint8Array(length));
      }
      bob.window(1, 2 ** 30);
      assertEquals(bob.on(1).messages, said);
    }),
    { numRuns: 60 },
  );
});

const SPENT = new WeakMap<MuxClient, number>();

function spent(client: MuxClient): number {
  return SPENT.get(client) ?? 0;
}

function note(client: MuxClient, cost: number): void {
  SPENT.set(client, spent(client) + cost);
}

function openFrame(number: number, documentId: string): Uint8Array<ArrayBuffer> {
  return frameOf((frame) => frame.open(number, { userName: "bob", documentId }));
}

function closeFrame(number: number): Uint8Array<ArrayBuffer> {
  return frameOf((frame) => frame.close(number, { code: 1000, reason: "" }));
}

function frameOf(write: (frame: RecordWriter) => void): Uint8Array<ArrayBuffer> {
  const frame = new RecordWriter();
  write(frame);
  return frame.take();
}

Deno.test("who opens very many streams at once keeps nobody waiting, and all are opened in order, with what is behind them", () => {
  const house = new MuxHouse();
  const alice = house.client("alice");
  const bob = house.client("bob");
  // Time passes as streams are opened: a turn of the event loop has only so much of it.
  const now = house.clock.now.bind(house.clock);
  let opened = 0;
  house.clock.now = () => now() + house.multiplexer.streams / 10;
  const open = frameOf((frame) => {
    for (let number = 1; number <= 1_000; number++) frame.open(number, { userName: "bob", documentId: `${number}` });
    frame.data(1_000, bytes("6869"), { text: true, more: false });
  });
  alice.socket.receive(open);
  opened = house.multiplexer.streams;
  assert(opened >= 4 && opened < 500, `${opened} streams were opened in one turn`);
  bob.open({ userName: "alice", documentId: "1" });
  house.clock.pass(2 * LIMITS.pollMs);
  assertEquals(bob.on(1).isOpened, true);
  assert(house.multiplexer.streams < 1_000, "Bob waits for all of Alice's");
  house.clock.pass(10_000);
  bob.open({ userName: "alice", documentId: "1000" });
  assertEquals([house.multiplexer.streams, bob.on(2).messages], [1_002, ["hi"]]);
  alice.socket.vanish();
  bob.socket.vanish();
  assertEquals(house.multiplexer.streams, 0);
});

Deno.test("what a socket says before it ends is heard, also what waits for a later turn, however it ends", () => {
  for (const end of [{}, { code: 1000, reason: "" }]) {
    const house = new MuxHouse();
    const [alice, bob] = house.pair("closed", "lost");
    // Time passes as messages come: a turn of the event loop has time for some of them.
    const now = house.clock.now.bind(house.clock);
    house.clock.now = () => now() + house.counters.received.text.frames;
    alice.socket.receive(frameOf((frame) => {
      for (let i = 0; i < 500; i++) frame.data(1, bytes("6869"), { text: true, more: false });
    }));
    alice.socket.receive(frameOf((frame) => {
      for (let i = 0; i < 500; i++) frame.data(2, bytes("6869"), { text: true, more: false });
      frame.close(1, { code: 4321, reason: "enough" });
    }));
    assert(house.counters.received.text.frames < 1_000, "all was heard in one turn");
    alice.socket.vanish(end);
    house.clock.pass(10_000);
    assertEquals([1, 2].map((stream) => bob.on(stream).messages.length), [500, 500]);
    assertEquals([1, 2].map((stream) => bob.on(stream).close), [{ code: 4321, reason: "enough" }, CLOSE.peerLost]);
    bob.socket.vanish();
    house.clock.pass(10_000);
    house.assertEmpty();
  }
});

Deno.test("a socket that the relay closes hears first how its streams had ended", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.begin((frame) => frame.close(1, { code: 4321, reason: "enough" }));
  // In the same turn, and against the protocol.
  alice.begin((frame) => frame.opened(1));
  assertEquals([alice.on(1).close, alice.socket.closedWith?.code], [{ code: 4321, reason: "enough" }, 1002]);
});

Deno.test("the streams of a socket that ends are lost in turns, and all are", () => {
  const house = new MuxHouse();
  const documents = Array.from({ length: 1_000 }, (_, i) => `${i}`);
  const [alice, bob] = house.pair(...documents);
  const now = house.clock.now.bind(house.clock);
  house.clock.now = () => now() + (2_000 - house.multiplexer.streams) / 10;
  alice.socket.vanish();
  const lost = 2_000 - house.multiplexer.streams;
  assert(lost > 0 && lost < 500, `${lost} streams were lost in one turn`);
  house.clock.pass(10_000);
  assertEquals(documents.map((_, i) => bob.on(i + 1).close), documents.map(() => CLOSE.peerLost));
  bob.socket.vanish();
  house.clock.pass(10_000);
  house.assertEmpty();
});
