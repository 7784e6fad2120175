import { assertEquals, assertNotEquals, assertObjectMatch } from "@std/assert";
import { decode as unpack, encode as pack, type ValueType } from "@std/msgpack";
import fc from "fast-check";
import { WIRE_LIMITS } from "../../src/protocol.ts";
import { decode, encode } from "../../src/server/discovery/dialects.ts";
import { CLIENT_GOLDEN, SERVER_GOLDEN } from "../helpers/golden.ts";

for (const { name, dialect, frame, message } of CLIENT_GOLDEN) {
  Deno.test(`decodes ${name}`, () => {
    assertEquals(decode(frame), { message, dialect: dialect.startsWith("4.") ? "msgpack" : "json" });
  });
}

for (const { name, frame, message } of SERVER_GOLDEN.filter(({ frame }) => typeof frame === "string")) {
  Deno.test(`encodes ${name} as the released server did`, () => {
    assertEquals(encode(message, "json"), frame);
  });
}

Deno.test("encodes a 4.x Introduction as a MessagePack map of type, peerId, userName and documentIds", () => {
  const frame = encode({ type: "Introduction", userName: "bob", documentIds: ["doc"] }, "msgpack");
  // Each released server writes one of the two names, and a 16-bit length, de 00 03, where we write 84.
  assertEquals(
    hexOf(frame),
    "84a474797065ac496e74726f64756374696f6ea6706565724964a3626f62a8757365724e616d65a3626f62ab646f63756d656e7449647391a3646f63",
  );
});

for (const { name, dialect, frame } of SERVER_GOLDEN.filter(({ frame }) => typeof frame !== "string")) {
  Deno.test(`a ${dialect} client finds in an Introduction all that it finds in ${name}`, () => {
    const released = unpack(frame as Uint8Array<ArrayBuffer>) as Record<string, ValueType>;
    const ours = encode({ type: "Introduction", userName: "bob", documentIds: ["doc"] }, "msgpack");
    assertObjectMatch(unpack(ours as Uint8Array<ArrayBuffer>) as Record<string, ValueType>, released);
  });
}

Deno.test("any Introduction is MessagePack that a general decoder reads back", () => {
  const id = fc.string({ unit: "binary", minLength: 1, maxLength: 170 });
  fc.assert(
    fc.property(id, fc.array(id, { maxLength: 40 }), (userName, documentIds) => {
      const frame = encode({ type: "Introduction", userName, documentIds }, "msgpack");
      // The general decoder drops a byte order mark at the start of a string.
      const heard = (id: string) => id.replace(/^\ufeff/, "");
      assertEquals(unpack(frame), {
        type: "Introduction",
        peerId: heard(userName),
        userName: heard(userName),
        documentIds: documentIds.map(heard),
      });
    }),
    { numRuns: 1_000, examples: [["\ufeffa", ["\ufeff"]]] },
  );
});

Deno.test("any Join that a general encoder writes is read as it was, whatever else is in it", () => {
  const id = fc.string({ unit: "binary", minLength: 1, maxLength: 170 });
  const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.uint8Array(), fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n));
  fc.assert(
    fc.property(fc.uniqueArray(id, { maxLength: 40 }), anything, (join, extra) => {
      const frame = pack({ extra: extra as ValueType, type: "Join", join });
      assertEquals(decode(frame), { message: { type: "Join", join }, dialect: "msgpack" });
    }),
    { numRuns: 1_000, examples: [[["\ufeffa", "a"], null]] },
  );
});

/** As many as fit a message. */
const MANY = WIRE_LIMITS.introductionBytes - 100;

const MALFORMED: [what: string, frame: string | Uint8Array<ArrayBuffer>, reason: string][] = [
  ["msgpack nil", bytes(0xc0), "not an object"],
  ["no bytes", bytes(), "not MessagePack"],
  ["empty text", "", "not JSON"],
  ["a truncated map", bytes(0x82, 0xa4), "not MessagePack"],
  ["an array of 4 billion", bytes(0xdd, 0xff, 0xff, 0xff, 0xff, 0x01), "not MessagePack"],
  ["a string of 4 GiB", bytes(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61), "not MessagePack"],
  [
    "invalid UTF-8 in an id",
    bytes(0x82, ...packed("type"), ...packed("Join"), ...packed("join"), 0x91, 0xa1, 0xff),
    "not MessagePack",
  ],
  ["an extension type", bytes(0xc7, 0x01, 0x05, 0x00), "not MessagePack"],
  ["a map with a nil key", bytes(0x81, 0xc0, 0xc0), "not MessagePack"],
  ["the type that is never used", bytes(0xc1), "not MessagePack"],
  ["100,000 nested arrays", new Uint8Array(100_000).fill(0x91), "not MessagePack"],
  ["two messages in one frame", bytes(0x80, 0x80), "not MessagePack"],
  ["invalid UTF-8 in binary JSON", bytes(0x7b, 0x22, 0xff, 0x22, 0x7d), "not JSON"],
  ["half a JSON", '{"type":', "not JSON"],
  ["a JSON array", "[]", "not an object"],
  ["JSON null", "null", "not an object"],
  ["no type", "{}", "unknown type"],
  ["a type from another protocol", '{"type":"Introduction"}', "unknown type"],
  ["a number for a type", '{"type":1}', "unknown type"],
  ["Join without documents", '{"type":"Join"}', "no list of documents"],
  ["Leave without documents", '{"type":"Leave"}', "no list of documents"],
  ["a string for a list", '{"type":"Join","join":"doc"}', "no list of documents"],
  ["a number among the documents", '{"type":"Join","join":["a",1]}', "bad document id"],
  ["an empty document id", '{"type":"Join","join":[""]}', "bad document id"],
  [
    "a document id over the bound",
    `{"type":"Join","join":["${"x".repeat(WIRE_LIMITS.idBytes + 1)}"]}`,
    "bad document id",
  ],
  ["a lone surrogate", '{"type":"Join","join":["\\ud800"]}', "bad document id"],
  ["1 MiB of empty lists", `{"type":"Join","join":[${Array(MANY / 4).fill("[]").join()}]}`, "too many values"],
  ["1 MiB of opening brackets", `{"type":"Join","join":${"[".repeat(MANY)}`, "too many values"],
  ["1 MiB of names", `{"type":"Join",${Array(MANY / 12).fill('"name":0').join()}}`, "too many values"],
  ["1 MiB of escaped quotes", `{"type":"Join","join":["${'\\"'.repeat(MANY / 2)}"]}`, "too many values"],
  ["1 MiB of MessagePack zeros", packedList(MANY, 0x00), "too many values"],
  ["1 MiB of MessagePack maps", packedList(MANY, 0x80), "too many values"],
  ["too many documents", JSON.stringify({ type: "Join", join: Array(10_001).fill("d") }), "too many documents"],
  ["a message one byte over the bound", sized(WIRE_LIMITS.introductionBytes + 1), "too big"],
  ["a prototype that pretends to be a message", prototypeTrick(), "unknown type"],
];

for (const [what, frame, reason] of MALFORMED) {
  Deno.test(`${what} is malformed: ${reason}`, () => assertEquals(decode(frame), { reason }));
}

Deno.test("a message of exactly the bound is read", () => {
  assertEquals(decode(sized(WIRE_LIMITS.introductionBytes)), { message: { type: "Heartbeat" }, dialect: "json" });
});

Deno.test("10,000 documents of any characters are no crowd, nor is text between quotes that looks like one", () => {
  const ids = Array.from({ length: WIRE_LIMITS.documentsPerPeer }, (_, i) => `${i}, [{"\\" \u0001 ü`);
  for (const frame of [JSON.stringify({ type: "Join", join: ids }), pack({ type: "Join", join: ids })]) {
    const decoded = decode(frame as string | Uint8Array<ArrayBuffer>);
    assertEquals("message" in decoded && decoded.message, { type: "Join", join: ids });
  }
});

Deno.test("a document named twice in one message counts once", () => {
  assertEquals(decode('{"type":"Join","join":["a","b","a"]}'), {
    message: { type: "Join", join: ["a", "b"] },
    dialect: "json",
  });
});

Deno.test("any bytes and any text give a message or a reason, never an exception", () => {
  const anyFrame = fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.string({ unit: "binary" }), fc.json());
  fc.assert(
    fc.property(anyFrame, (frame) => {
      const decoded = decode(frame as string | Uint8Array<ArrayBuffer>);
      assertNotEquals("message" in decoded, "reason" in decoded);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("any golden message with a few bytes changed gives a message or a reason, never an exception", () => {
  const binary = CLIENT_GOLDEN.map(({ frame }) => frame).filter((frame) => typeof frame !== "string");
  const change = fc.tuple(fc.nat(100), fc.nat(255));
  fc.assert(
    fc.property(fc.constantFrom(...binary), fc.array(change, { maxLength: 4 }), (frame, changes) => {
      const changed = frame.slice();
      for (const [at, value] of changes) changed[at % changed.length] = value;
      const decoded = decode(changed);
      assertNotEquals("message" in decoded, "reason" in decoded);
    }),
    { numRuns: 5_000 },
  );
});

function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values);
}

/** A MessagePack list of so many values of one byte. */
function packedList(length: number, value: number): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(5 + length).fill(value);
  new DataView(packed.buffer).setUint32(1, length);
  packed[0] = 0xdd;
  return packed;
}

/** A Heartbeat of so many bytes. */
function sized(length: number): string {
  return '{"type":"Heartbeat"}'.padEnd(length);
}

/** A MessagePack map `{"__proto__": {"type": "Heartbeat"}}`. */
function prototypeTrick(): Uint8Array<ArrayBuffer> {
  return bytes(0x81, ...packed("__proto__"), 0x81, ...packed("type"), ...packed("Heartbeat"));
}

/** A short string in MessagePack. */
function packed(text: string): number[] {
  return [0xa0 | text.length, ...new TextEncoder().encode(text)];
}

function hexOf(frame: unknown): string {
  return (frame as Uint8Array).toHex();
}
