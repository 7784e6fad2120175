/** The demo's conversation: copies that were apart become alike again, whatever they are sent. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Conversation, LONGEST } from "../../src/server/page/scripts/conversation.js";

Deno.test("two copies that were apart are alike after a merge, in any order and as often as one likes", () => {
  const [alice, bob] = [new Conversation(), new Conversation()];
  bob.merge([alice.say("alice", "first")]);
  alice.say("alice", "while Bob was away");
  bob.say("bob", "while Alice was away");
  const before = alice.messages;
  alice.merge(bob.messages);
  bob.merge(before);
  bob.merge([...alice.messages].reverse());
  assertEquals(alice.messages, bob.messages);
  assertEquals(alice.messages.map(({ text }) => text), ["first", "while Bob was away", "while Alice was away"]);
});

Deno.test("what answers something comes after it", () => {
  const [alice, bob] = [new Conversation(), new Conversation()];
  for (const text of ["1", "2", "3"]) alice.say("zoe", text);
  bob.merge(alice.messages);
  bob.say("bob", "4");
  assertEquals(bob.messages.map(({ text }) => text).join(""), "1234");
});

Deno.test("a merge takes anything that a peer may send, and keeps only messages", () => {
  const conversation = new Conversation();
  fc.assert(fc.property(fc.anything(), (value) => {
    conversation.merge(value);
    conversation.merge([value]);
    conversation.merge([{ id: "a/1", time: value, author: "a", text: "b" }]);
  }));
  assertEquals(conversation.merge([{ id: "x", time: 1, author: "x", text: "y".repeat(LONGEST + 1) }]), []);
});

Deno.test("an endless conversation keeps its latest messages", () => {
  const conversation = new Conversation();
  for (let count = 1; count <= 1000; count += 1) conversation.say("alice", `${count}`);
  assertEquals([conversation.messages.length, conversation.messages.at(-1)?.text], [200, "1000"]);
});
