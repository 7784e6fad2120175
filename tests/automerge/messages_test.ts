import { assertEquals, assertThrows } from "@std/assert";
import { decodeGreeting, decodeMessage, encodeGreeting, encodeMessage } from "../../src/automerge/messages.ts";
import type { DocumentId, Message, PeerId, StorageId } from "../../src/automerge/repo_types.ts";

const GREETING = '{"type":"hello","version":1,"peerMetadata":{"storageId":"s","isEphemeral":true}}';
const HEADER = '{"type":"sync","senderId":"a","targetId":"b","documentId":"d","data":true}';

Deno.test("golden: a greeting", () => {
  const peerMetadata = { storageId: "s" as StorageId, isEphemeral: true };
  assertEquals(encodeGreeting(peerMetadata), bytes(GREETING));
  assertEquals(decodeGreeting(bytes(GREETING)), peerMetadata);
});

Deno.test("golden: a message with data", () => {
  const message = { type: "sync", ...between("a", "b"), documentId: "d" as DocumentId, data: new Uint8Array([0, 255]) };
  assertEquals(encodeMessage(message), bytes(HEADER, 0, 255));
  assertEquals(decodeMessage(bytes(HEADER, 0, 255)), message);
});

Deno.test("a message keeps every field, and data only if there was some", () => {
  const newHeads = { storage: { heads: ["h"], timestamp: 1_763_000_000_000 } };
  const heads = { type: "remote-heads-changed", newHeads };
  const subscription = { type: "remote-subscription-change", add: ["x"] };
  for (const message of [heads, subscription, { type: "sync", data: new Uint8Array(), count: 0 }]) {
    const whole: Message = { ...between("a", "b"), ...message };
    assertEquals(decodeMessage(encodeMessage(whole) as Uint8Array<ArrayBuffer>), whole);
  }
});

Deno.test("data is bytes, whatever the header calls data", () => {
  const text = '{"type":"sync","senderId":"a","targetId":"b","data":"text"}';
  assertEquals(decodeMessage(bytes(text)), { type: "sync", ...between("a", "b") });
});

for (
  const [what, greeting] of [
    ["another protocol", "Hello!"],
    ["another version", '{"type":"hello","version":2,"peerMetadata":{}}'],
    ["a message", HEADER],
    ["no metadata", '{"type":"hello","version":1}'],
    ["a storage without a name", '{"type":"hello","version":1,"peerMetadata":{"storageId":5}}'],
    ["JSON of something else", "null"],
  ]
) {
  Deno.test(`no greeting: ${what}`, () => {
    assertThrows(() => decodeGreeting(bytes(greeting)), TypeError, "Cannot understand a peer: want ");
  });
}

for (
  const [what, message] of [
    ["nothing", new Uint8Array()],
    ["less than its header", new Uint8Array([0, 0, 0, 3, 123, 125])],
    ["a header of 4 GiB", new Uint8Array([255, 255, 255, 255, 123, 125])],
    ["no type", bytes('{"senderId":"a","targetId":"b"}')],
    ["no sender", bytes('{"type":"sync","targetId":"b"}')],
    ["no target", bytes('{"type":"sync","senderId":"a"}')],
    ["a document without a name", bytes('{"type":"sync","senderId":"a","targetId":"b","documentId":{}}')],
    ["a subscription to nothing", bytes(remote("subscription-change", '"add":5'))],
    ["no heads", bytes(remote("heads-changed", '"documentId":"d"'))],
    ["heads of nothing", bytes(remote("heads-changed", '"newHeads":{"storage":null}'))],
    ["heads that are none", bytes(remote("heads-changed", '"newHeads":{"storage":{"heads":[1],"timestamp":1}}'))],
    ["JSON without an end", bytes("[".repeat(100_000))],
  ] satisfies [string, Uint8Array<ArrayBuffer>][]
) {
  Deno.test(`no message: ${what}`, () => {
    assertThrows(() => decodeMessage(message), TypeError, "Cannot understand a peer: want ");
  });
}

function between(senderId: string, targetId: string): { senderId: PeerId; targetId: PeerId } {
  return { senderId: senderId as PeerId, targetId: targetId as PeerId };
}

function bytes(header: string, ...data: number[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  return new Uint8Array([0, 0, text.byteLength >> 8, text.byteLength & 255, ...text, ...data]);
}

/** What repos that gossip say about what others have. */
function remote(what: string, fields: string): string {
  return `{"type":"remote-${what}","senderId":"a","targetId":"b",${fields}}`;
}
