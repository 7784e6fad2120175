/** Frames that a transport splices, read as messages for one that does not. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SpliceReader } from "../../src/server/backplane/splice_reader.ts";
import { encodePing, encodePong, FINAL, OPCODE } from "../../src/server/websocket/encode.ts";
import { CLOSE } from "../../src/protocol.ts";
import { encodeMessage } from "../../src/server/websocket/encode.ts";
import { Splice } from "../../src/server/transport/transport.ts";
import { Houses, plain } from "./houses.ts";

const anyMessage = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
  fc.nat(70_000).map((length) => new Uint8Array(length).fill(length)),
);
/** A message, in how many fragments, and with how many control frames between them. */
const anyFrames = fc.array(fc.tuple(anyMessage, fc.integer({ min: 1, max: 5 }), fc.nat(2)), { maxLength: 8 });

Deno.test("any messages, fragmented and cut anywhere within payloads, are read as they were", () => {
  fc.assert(
    fc.property(anyFrames, fc.integer({ min: 1, max: 100_000 }), (frames, size) => {
      const reader = new SpliceReader();
      const heard = pieces(frames.flatMap(([message, parts, pings]) => fragments(message, parts, pings)), size)
        .map((bytes) => reader.read(bytes));
      assertEquals(heard.flatMap(({ messages }) => messages).map(plain), frames.map(([message]) => plain(message)));
      const pings = frames.reduce((sum, [, parts, pings]) => sum + pings * parts, 0);
      assertEquals(heard.flatMap(({ pings }) => pings).map(plain), Array(pings).fill(Uint8Array.of(1, 2)));
    }),
  );
});

Deno.test("between instances of which one splices, messages cross both ways and pings are answered", () => {
  const houses = new Houses(2, { splices: [true, false] });
  const [one, other] = houses.all;
  const [alice, bob] = [one.connect("alice", "bob"), other.connect("bob", "alice")];
  houses.pass(100);
  const bytes = joined([encodeMessage("text"), encodePing(Uint8Array.of(9)), encodeMessage(Uint8Array.of(1))]);
  alice.receive(new Splice(bytes, { ...NOTHING, messages: 2 }, true));
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
  alice.receive(new Splice(whole.slice(0, 150_000), { ...NOTHING, binaryBytes: 150_000 }, false));
  alice.receive(new Splice(whole.slice(150_000), { ...NOTHING, messages: 1, binary: 1 }, true));
  houses.pass(100);
  const splices = bob.sent.map((frame) => frame as Splice);
  assertEquals(joined(splices.map(({ bytes }) => bytes)), whole);
  assertEquals(splices.map(({ endsFrame }) => endsFrame), splices.map((_, i) => i === splices.length - 1));
  assertEquals(splices.reduce((sum, { contents }) => sum + contents.messages, 0), 1);
});

const NOTHING = { messages: 0, emptyFrames: 0, text: 0, binary: 0, textBytes: 0, binaryBytes: 0 };

/** The frames of one message, each with what it holds, and a ping and a pong before each. */
function fragments(message: string | Uint8Array, parts: number, pings: number): Uint8Array<ArrayBuffer>[] {
  const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
  const size = Math.ceil(bytes.byteLength / parts);
  return Array.from({ length: parts }, (_, i) => {
    const frame = encodeMessage(bytes.slice(i * size, (i + 1) * size));
    const opcode = i > 0 ? OPCODE.continuation : typeof message === "string" ? OPCODE.text : OPCODE.binary;
    frame[0] = opcode | (i === parts - 1 ? FINAL : 0);
    const controls = Array.from(
      { length: pings },
      () => [encodePong(Uint8Array.of(5)), encodePing(Uint8Array.of(1, 2))],
    );
    return [...controls.flat(), frame];
  }).flat();
}

/** Frames in chunks of about this size: never cut within a header or a control frame, as a walker never cuts them. */
function pieces(frames: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer>[] {
  return frames.flatMap((frame) => {
    const header = frame[1] === 127 ? 10 : frame[1] === 126 ? 4 : 2;
    const isControl = (frame[0] & 0x08) !== 0;
    const first = isControl ? frame.length : Math.min(frame.length, header + size);
    const rest = Math.ceil((frame.length - first) / size);
    return [
      frame.slice(0, first),
      ...Array.from({ length: rest }, (_, i) => frame.slice(first + i * size, first + (i + 1) * size)),
    ];
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
