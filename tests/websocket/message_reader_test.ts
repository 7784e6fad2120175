/** Messages put together from frames as a server sends them. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { MessageReader } from "../../src/server/websocket/message_reader.ts";
import { PartReader } from "../../src/server/websocket/part_reader.ts";
import { encodePing, encodePong, FINAL, OPCODE } from "../../src/server/websocket/encode.ts";
import { encodeMessage } from "../helpers/frames.ts";
import { plain } from "../backplane/houses.ts";

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
      const [reader, partReader] = [new MessageReader(), new PartReader()];
      const chunks = pieces(frames.flatMap(([message, parts, pings]) => fragments(message, parts, pings)), size);
      const heard = chunks.flatMap((bytes) => reader.read(bytes));
      assertEquals(heard.map(plain), frames.map(([message]) => plain(message)));
      const pings = frames.reduce((sum, [, parts, pings]) => sum + pings * parts, 0);
      const told = chunks.flatMap((bytes) => partReader.read(bytes).pings);
      assertEquals(told.map(plain), Array(pings).fill(Uint8Array.of(1, 2)));
    }),
  );
});

Deno.test("one binary message in one frame is told from all else, also from payload that looks like it", () => {
  const frame = encodeMessage(Uint8Array.of(0x82, 1, 2));
  const others = [
    encodeMessage("text"),
    frame.slice(0, 4),
    Uint8Array.from([...frame, ...frame]),
    Uint8Array.from([...encodePing(Uint8Array.of(1)), ...frame]),
    ...fragments(Uint8Array.of(1, 2, 3, 4), 2, 0),
  ];
  for (const bytes of [frame, encodeMessage(new Uint8Array(0)), encodeMessage(new Uint8Array(70_000))]) {
    assertEquals(new MessageReader().isOneFrame(bytes), true);
  }
  for (const bytes of others) assertEquals(new MessageReader().isOneFrame(bytes), false);
  const [reader, outer] = [new MessageReader(), encodeMessage(Uint8Array.from([9, ...frame]))];
  reader.read(outer.slice(0, 3));
  assertEquals([reader.isOneFrame(frame), reader.read(outer.slice(3)).map(plain)], [false, [outer.slice(2)]]);
  assertEquals(reader.isOneFrame(frame), true);
});

Deno.test("of a message that is too long only the first byte too many is kept, and the next is whole again", () => {
  for (const parts of [1, 2, 50]) {
    const reader = new MessageReader(100);
    const long = fragments("x".repeat(5_000), parts, 0);
    const heard = pieces([...long, ...fragments("short", 1, 0)], 7).flatMap((bytes) => reader.read(bytes));
    assertEquals(heard, ["x".repeat(101), "short"]);
    assertEquals(reader.keptBytes, 0);
  }
});

Deno.test("a message that comes byte by byte is kept in one buffer of at most twice its bytes", () => {
  const reader = new MessageReader();
  const bytes = pieces(fragments(new Uint8Array(10_000).fill(7), 1, 0), 1);
  for (const piece of bytes.slice(0, -1)) reader.read(piece);
  assertEquals(reader.keptBytes >= 9_999 && reader.keptBytes <= 20_000, true);
  assertEquals(reader.read(bytes.at(-1)!), [new Uint8Array(10_000).fill(7)]);
});

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
