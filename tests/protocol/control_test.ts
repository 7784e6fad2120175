import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { packMessages, readRelayMessage, splitIntroduction, unpackMessages } from "../../src/protocol.ts";

const WELCOME = {
  type: "Welcome",
  protocol: 5,
  limits: { messageBytes: 67_108_864, documents: 10_000, streams: 16_384, windowBytes: 262_144 },
  heartbeatSeconds: 15,
};

Deno.test("control: messages of one turn are one array", () => {
  assertEquals(packMessages(['{"type":"Heartbeat"}'], 1_000), ['[{"type":"Heartbeat"}]']);
  assertEquals(packMessages(["{}", "{}"], 1_000), ["[{},{}]"]);
  assertEquals(packMessages([], 1_000), []);
});

Deno.test("control: frames keep the bound, to the byte, and lose and reorder nothing", () => {
  const texts = fc.array(fc.string({ unit: "binary" }).map((text) => JSON.stringify({ text })), { maxLength: 20 });
  fc.assert(fc.property(texts, fc.integer({ min: 1, max: 300 }), (messages, most) => {
    const frames = packMessages(messages, most);
    const unpacked = frames.map(unpackMessages);
    assertEquals(unpacked.flat(), messages.map((message) => JSON.parse(message)));
    for (const [i, frame] of frames.entries()) {
      // One that is too long by itself goes alone.
      assert(bytesOf(frame) <= most || unpacked[i].length === 1);
      const first = unpacked[i + 1]?.[0];
      if (first !== undefined) assert(bytesOf(frame) + bytesOf(JSON.stringify(first)) + 1 > most);
    }
  }));
});

Deno.test("control: a message alone is taken like an array of one, other text is an error", () => {
  assertEquals(unpackMessages('{"type":"Heartbeat"}'), [{ type: "Heartbeat" }]);
  assertEquals(unpackMessages('[{"type":"Heartbeat"},1]'), [{ type: "Heartbeat" }, 1]);
  for (const text of ["", "null", "1", '"Join"', "[", "{"]) {
    assertThrows(() => unpackMessages(text), TypeError, `want an array of JSON objects, got ${text}`);
  }
});

Deno.test("control: every message of the relay is read as it is", () => {
  const messages = [
    WELCOME,
    { ...WELCOME, expiresInSeconds: 0.5 },
    { type: "Heartbeat" },
    { type: "Introduction", userName: "bob", documentIds: ["doc"] },
    { type: "Refusal", join: ["doc"], reason: "forbidden" },
    { type: "GoAway", reconnectWithinSeconds: 4 },
  ];
  for (const message of messages) {
    assertEquals<unknown>(readRelayMessage({ ...message, later: 1 }), { ...message, later: 1 });
  }
});

Deno.test("control: a type that is not known is passed over, one without its fields is an error", () => {
  for (const value of [{ type: "Later" }, { type: "toString" }, {}, null, 1, "Welcome", []]) {
    assertEquals(readRelayMessage(value), undefined);
  }
  const broken = [
    { type: "Welcome" },
    { ...WELCOME, limits: { ...WELCOME.limits, streams: "many" } },
    { type: "Introduction", userName: "", documentIds: [] },
    { type: "Introduction", userName: "bob", documentIds: [1] },
    { type: "Refusal", join: ["doc"] },
    { type: "GoAway" },
  ];
  for (const value of broken) assertThrows(() => readRelayMessage(value), TypeError, `want a ${value.type}, got `);
});

Deno.test("control: a large introduction is split into messages that keep the bound, with each document once", () => {
  const documentIds = Array.from({ length: 10_000 }, (_, i) => `Grüße ${i} \u0001`);
  const introduction = { type: "Introduction" as const, userName: "böb", documentIds };
  const texts = [...splitIntroduction(introduction, 60_000)];
  assert(texts.every((text) => bytesOf(text) <= 60_000));
  assert(texts.length < bytesOf(JSON.stringify(introduction)) / 60_000 + 2);
  const parts = texts.map((text) => JSON.parse(text));
  assertEquals(parts.flatMap((part) => part.documentIds), documentIds);
  assertEquals([...splitIntroduction({ ...introduction, documentIds: ["doc"] }, 60_000)], [
    '{"type":"Introduction","userName":"böb","documentIds":["doc"]}',
  ]);
});

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
