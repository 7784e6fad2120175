/** Frames as bytes between instances, of which not all may take them. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../../src/protocol.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { type Chunk, Splice } from "../../../src/server/transport/transport.ts";
import { encodePing, encodePong } from "../../../src/server/websocket/encode.ts";
import { encodeMessage } from "../../helpers/frames.ts";
import { Houses, plain } from "../houses.ts";

Deno.test("between instances of which one splices, messages cross both ways and pings are answered", () => {
  const houses = new Houses(2, { splices: [true, false] });
  const [one, other] = houses.all;
  const [alice, bob] = [one.connect("alice", "bob"), other.connect("bob", "alice")];
  houses.pass(100);
  const bytes = joined([encodeMessage("text"), encodePing(Uint8Array.of(9)), encodeMessage(Uint8Array.of(1))]);
  alice.receive(new Splice(bytes, { ...NOTHING, messages: 2 }, 0));
  bob.receive("back");
  houses.pass(100);
  assertEquals(bob.sent.map(plain), ["text", Uint8Array.of(1)]);
  assertEquals(alice.sent.map((frame) => frame instanceof Splice ? plain(frame.bytes) : frame), [
    plain(encodePong(Uint8Array.of(9))),
    "back",
  ]);
  alice.vanish();
  houses.pass(100);
  assertEquals(bob.closedWith, CLOSE.peerLost);
});

Deno.test("between instances that splice, frames cross as the bytes that they are, also in the middle of one", () => {
  const houses = new Houses(2, { splices: [true, true] });
  const [one, other] = houses.all;
  const [alice, bob] = [one.connect("alice", "bob"), other.connect("bob", "alice")];
  houses.pass(100);
  const whole = encodeMessage(new Uint8Array(200_000).fill(3));
  alice.receive(new Splice(whole.slice(0, 150_000), { ...NOTHING, binaryBytes: 150_000 }, 150_000));
  alice.receive(new Splice(whole.slice(150_000), { ...NOTHING, messages: 1, binary: 1 }, 0));
  houses.pass(100);
  const splices = bob.sent.map((frame) => frame as Splice);
  assertEquals(joined(splices.map(({ bytes }) => bytes)), whole);
  assertEquals(splices.map(({ tail }) => tail === 0), splices.map((_, i) => i === splices.length - 1));
  assertEquals(splices.reduce((sum, { contents }) => sum + contents.messages, 0), 1);
});

/** A pair over two instances in which bob's frame to alice is under way, its rest, and what bob sends behind it. */
function midFrame(options: { random?: () => number; bufferBytes?: number } = {}) {
  const houses = new Houses(2, { ...options, splices: [true, true] });
  const [one, other] = houses.all;
  const [alice, bob] = [one.connect("alice", "bob"), other.connect("bob", "alice")];
  houses.pass(100);
  const whole = encodeMessage(new Uint8Array(200_000).fill(3));
  bob.receive(new Splice(whole.slice(0, 150_000), NOTHING, Infinity));
  houses.pass(100);
  const rest = whole.slice(150_000);
  const more = encodeMessage(new Uint8Array(90_000).fill(4));
  const splice = new Splice(
    joined([rest, more.slice(0, 60_000)]),
    { ...NOTHING, messages: 1, binaryBytes: 110_000 },
    60_000,
  );
  const remotePairs = () => houses.all.map(({ backplane }) => backplane.status.remotePairs);
  return { houses, one, other, alice, bob, rest, splice, remotePairs };
}

/** The bytes up to the end of the last frame that ends in them. */
function wholeFrames(frames: readonly Chunk[]): Uint8Array {
  const splices = frames as readonly Splice[];
  const last = splices.findLastIndex(({ tail, byteLength }) => tail < byteLength);
  const bytes = joined(splices.slice(0, last + 1).map(({ bytes }) => bytes));
  return bytes.subarray(0, bytes.length - splices[last].tail);
}

Deno.test("between instances a close of the receiver's waits for the rest of a frame that is under way to it", () => {
  const { houses, one, alice, bob, rest, splice, remotePairs } = midFrame();
  one.connect("alice", "bob");
  houses.pass(100);
  assertEquals([alice.closedWith, bob.closedWith], [CLOSE.superseded, CLOSE.peerLost]);
  bob.receiveRest(splice);
  houses.pass(100);
  assertEquals(wholeFrames(alice.sentLate), rest);
  assertEquals(remotePairs(), [0, 0]);
});

Deno.test("between instances the sender's close comes behind the rest of its frame", () => {
  const { houses, other, alice, bob, rest, splice, remotePairs } = midFrame();
  other.connect("bob", "alice");
  houses.pass(100);
  assertEquals([alice.closedWith, bob.closedWith], [undefined, CLOSE.superseded]);
  const before = alice.sent.length;
  bob.receiveRest(splice);
  houses.pass(100);
  assertEquals(joined((alice.sent as Splice[]).slice(before).map(({ bytes }) => bytes)), rest);
  assertEquals([alice.closedWith, ...remotePairs()], [CLOSE.peerLost, 0, 0]);
});

Deno.test("between instances a frame whose rest waits for its turn is sent to its end, and little behind it", () => {
  // The close is heard before any word of what arrived.
  const { houses, one, alice, bob, remotePairs } = midFrame({ random: () => 0 });
  const end = new Splice(new Uint8Array(LIMITS.windowBytes).fill(3), { ...NOTHING, messages: 1 }, 10_000);
  bob.receive(new Splice(new Uint8Array(LIMITS.windowBytes).fill(2), NOTHING, Infinity));
  bob.receive(end);
  bob.receive(new Splice(new Uint8Array(MIB).fill(4), NOTHING, Infinity));
  one.connect("alice", "bob");
  houses.pass(100);
  const late = alice.sentLate as Splice[];
  assertEquals([late.at(-1)!.tail, late.at(-1)!.bytes[0]], [10_000, 3]);
  assertEquals(remotePairs(), [0, 0]);
});

Deno.test("between instances nobody waits for ever for the rest of a frame", () => {
  const { houses, one, alice, bob, remotePairs } = midFrame();
  one.connect("alice", "bob");
  houses.pass(LIMITS.lingerMs - 100);
  assertEquals(remotePairs(), [1, 1]);
  houses.pass(200);
  assertEquals([alice.closedWith, bob.closedWith, ...remotePairs()], [CLOSE.superseded, CLOSE.peerLost, 0, 0]);
});

Deno.test("between instances who is out of buffer space says so, also in the midst of a frame", () => {
  const { houses, alice, bob, remotePairs } = midFrame({ bufferBytes: 4 * MIB });
  alice.backlog = 3 * MIB;
  bob.receive(new Splice(new Uint8Array(3 * MIB).fill(3), NOTHING, Infinity));
  bob.receive(new Splice(new Uint8Array(3 * MIB).fill(3), NOTHING, Infinity));
  houses.pass(500);
  assertEquals([bob.closedWith, ...remotePairs()], [CLOSE.outOfBuffers, 0, 0]);
  assertEquals(alice.closedWith, CLOSE.backplaneLost);
});

Deno.test("between instances a frame that begins as the other side closes, and never ends, is no loss", () => {
  const houses = new Houses(2, { splices: [true, true] });
  const [one, other] = houses.all;
  const [alice, bob] = [one.connect("alice", "bob"), other.connect("bob", "alice")];
  houses.pass(100);
  alice.vanish({ code: 4000, reason: "done" });
  bob.receive(new Splice(new Uint8Array(10_000).fill(3), NOTHING, Infinity));
  houses.pass(LIMITS.lingerMs + 1_000);
  assertEquals(bob.closedWith, { code: 4000, reason: "done" });
  for (const { backplane, counters } of houses.all) {
    assertEquals([backplane.status.remotePairs, counters.resets.size], [0, 0]);
  }
});

Deno.test("between instances a peer that is lost within a frame takes its partner at once", () => {
  const { houses, alice, bob, remotePairs } = midFrame();
  bob.vanish();
  houses.pass(100);
  assertEquals([alice.closedWith, ...remotePairs()], [CLOSE.peerLost, 0, 0]);
});

const MIB = 1024 * 1024;

const NOTHING = { messages: 0, emptyFrames: 0, text: 0, binary: 0, textBytes: 0, binaryBytes: 0 };

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
