import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode, encode, HEARTBEAT } from "../../src/client/link/messages.ts";
import { decode as relayDecodes } from "../../src/server/discovery/dialects.ts";

Deno.test("messages: the words are frozen", () => {
  assertEquals([...encode({ type: "Join", documentIds: ["a", "b"] }, false)], [
    '{"type":"Join","join":["a","b"],"documentIds":["a","b"]}',
  ]);
  assertEquals([...encode({ type: "Leave", documentIds: ["a"] }, false)], [
    '{"type":"Leave","leave":["a"],"documentIds":["a"]}',
  ]);
  assertEquals(HEARTBEAT, '{"type":"Heartbeat"}');
  assertEquals([...encode({ type: "Join", documentIds: [] }, false)], []);
});

Deno.test("messages: ten thousand UUIDs are one message that the relay takes", () => {
  const ids = Array.from({ length: 10_000 }, () => crypto.randomUUID());
  const messages = [...encode({ type: "Join", documentIds: ids }, false)];
  assertEquals(messages.length, 1);
  assertEquals(relayDecodes(messages[0]), { message: { type: "Join", join: ids }, dialect: "json" });
});

Deno.test("messages: the largest documents are split into messages that the relay takes", () => {
  const ids = Array.from({ length: 10_000 }, (_, i) => `${i}`.padEnd(512, "\u0001")); // 6 bytes each in JSON
  const messages = [...encode({ type: "Join", documentIds: ids }, false)];
  const joined = messages.flatMap((message) => {
    const decoded = relayDecodes(message);
    if ("message" in decoded && decoded.message.type === "Join") return decoded.message.join;
    throw new Error(`The relay refuses a Join: ${JSON.stringify(decoded)}`);
  });
  assertEquals(joined, ids);
  assert(messages.length <= 62, `${messages.length} messages for 58.6 MiB`);
});

Deno.test("messages: an introduction is read, anything else is refused", () => {
  const introduction = { type: "Introduction" as const, userName: "bob", documentIds: ["a"] };
  assertEquals(decode(JSON.stringify(introduction)), introduction);
  for (const data of ["", "null", "[]", "{", '{"type":"Other"}', '{"type":"Introduction","userName":"bob"}']) {
    assertThrows(() => decode(data), TypeError, `want an Introduction, got ${data}`);
  }
  assertThrows(() => decode('{"type":"Introduction","userName":"","documentIds":[]}'), TypeError);
  assertThrows(() => decode(new ArrayBuffer(1)), TypeError, "got [object ArrayBuffer]");
});
