/** What instances say to each other, byte for byte and whatever comes. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { toMessage } from "../../src/server/backplane/messages.ts";
import { pairSubject } from "../../src/server/backplane/bus/subjects.ts";
import { decode, encode, encodeJson, type LinkMessage } from "../../src/server/backplane/codec.ts";

const handle = 0x01020304;
const sequence = 0x0a0b0c0d;
const contents = { messages: 1, emptyFrames: 2, text: 3, binary: 4, textBytes: 5, binaryBytes: 6 };
const payload = Uint8Array.of(0xca, 0xfe);

/** Instances of different versions share a bus: so these bytes are frozen. */
const GOLDEN: [message: LinkMessage, hex: string][] = [
  [{ type: "data", handle, sequence, isText: true, hasMore: false, payload }, "0101010203040a0b0c0dcafe"],
  [{ type: "data", handle, sequence, isText: false, hasMore: true, payload }, "0102010203040a0b0c0dcafe"],
  [
    { type: "splice", handle, sequence, tail: 1, contents, payload },
    "0200010203040a0b0c0d00000001000000020000000300000004000000050000000600000001cafe",
  ],
  [
    { type: "splice", handle, sequence, tail: Infinity, contents, payload },
    "0200010203040a0b0c0d000000010000000200000003000000040000000500000006ffffffffcafe",
  ],
  [{ type: "close", handle, sequence, close: { code: 4410, reason: "hi" } }, "0300010203040a0b0c0d113a6869"],
  [{ type: "probe", handle, sequence, from: 5 }, "0400010203040a0b0c0d00000005"],
  [{ type: "ack", handle, received: 2, taken: 1 }, "05000102030440000000000000003ff0000000000000"],
  [{ type: "reset", handle }, "060001020304"],
];

for (const [message, hex] of GOLDEN) {
  Deno.test(`${hex} is ${message.type}, and back`, () => {
    assertEquals(encode(message).toHex(), hex);
    assertEquals(decode(Uint8Array.fromHex(hex)), message);
  });
}

Deno.test("any of them cut short is read as something else or nothing, never an exception", () => {
  for (const [, hex] of GOLDEN) {
    for (let length = 0; length < hex.length; length += 2) decode(Uint8Array.fromHex(hex.slice(0, length)));
  }
  assertEquals(decode(new Uint8Array()), undefined);
});

Deno.test("an acknowledgement of what is no number of bytes is none", () => {
  for (const wrong of [NaN, Infinity, -Infinity, -1, 0.5, 2 ** 53]) {
    assertEquals(decode(encode({ type: "ack", handle, received: wrong, taken: 1 })), undefined, `${wrong}`);
    assertEquals(decode(encode({ type: "ack", handle, received: 1, taken: wrong })), undefined, `${wrong}`);
  }
});

Deno.test("any bytes and any JSON give a message or nothing, never an exception", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decode(bytes)), { numRuns: 5_000 });
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const heard = decode(encodeJson(value));
      assertEquals(heard, { type: "json", value: JSON.parse(JSON.stringify(value)) });
      assertEquals(toMessage(value), undefined);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("JSON is a message only with every field of its kind", () => {
  const pair = pairSubject("alice", "bob", "doc");
  const offer = { kind: "offer", pair, instance: "i", arrival: [1, "r"], side: 0, waits: true };
  const members = { kind: "members", instance: "i", birth: "b", members: [["alice", 1, 1]], asks: true };
  for (const message of [offer, members]) {
    assertEquals<unknown>(toMessage(message), message);
    for (const field of Object.keys(message)) assertEquals(toMessage({ ...message, [field]: null }), undefined, field);
  }
  for (
    const entry of [["", 1, 1], ["a", 0, 1], ["a", 1, 0], ["a", 1.5, 1], ["a", 1], ["a", "1", 1], ["a", 1, 2 ** 60]]
  ) {
    assertEquals(toMessage({ ...members, members: [entry] }), undefined, JSON.stringify(entry));
  }
  for (const name of ["", "a.b", "a b", "a\r\nPUB x 0", "*", ">", "x".repeat(65)]) {
    assertEquals(toMessage({ ...members, instance: name }), undefined, name);
    assertEquals(toMessage({ ...members, birth: name }), undefined, name);
    assertEquals(toMessage({ ...offer, arrival: [1, name] }), undefined, name);
    assertEquals(toMessage({ ...offer, pair: `relay1.pair.${name}` }), undefined, name);
  }
  assertEquals(toMessage({ ...offer, side: 2 }), undefined);
  assertEquals(toMessage({ ...offer, arrival: [-1, "r"] }), undefined);
  assertEquals(toMessage({ ...offer, kind: "toString" }), undefined);
});
