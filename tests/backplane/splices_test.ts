/** Frames as bytes between instances, of which not all may take them. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { Splice } from "../../src/server/transport/transport.ts";
import { encodeMessage, encodePing, encodePong } from "../../src/server/websocket/encode.ts";
import { Houses, plain } from "./houses.ts";

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

const NOTHING = { messages: 0, emptyFrames: 0, text: 0, binary: 0, textBytes: 0, binaryBytes: 0 };

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
