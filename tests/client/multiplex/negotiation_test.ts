/** How a client finds out what the relay speaks, and what it says in control frames. */

import { assertEquals } from "@std/assert";
import { type JoinRefusal, packMessages } from "../../../src/protocol.ts";
import { readMessages } from "../../../src/server/multiplex/control_messages.ts";
import { diary, FakeRelay, turn } from "../fake_relay.ts";
import { WelcomingRelay } from "./welcoming_relay.ts";

Deno.test("multiplex: a client asks for protocol 5, unless it is told not to", async () => {
  const relay = new FakeRelay();
  await relay.connected();
  await relay.connected({ multiplex: false });
  await relay.connected({ url: "ws://relay/base?v=1", token: "t" });
  assertEquals(relay.sockets.map(({ url }) => url), [
    "ws://relay/introduction/alice?protocol=5",
    "ws://relay/introduction/alice",
    "ws://relay/base/introduction/alice?v=1&protocol=5&token=t",
  ]);
});

Deno.test("multiplex: errors call the relay's address without what was asked for", async () => {
  const relay = new FakeRelay();
  const lines = diary(relay.client());
  await turn();
  relay.introduction.fail("no");
  await turn();
  assertEquals(lines, ["error Connection to ws://relay/introduction/alice failed: no"]);
});

Deno.test("multiplex: an older relay is served at once, with what it understands", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  client.join("b").leave("doc").join("c");
  await turn();
  await relay.pass(25_000);
  assertEquals(relay.introduction.sent, [
    '{"type":"Join","join":["doc"],"documentIds":["doc"]}',
    '{"type":"Leave","leave":["doc"],"documentIds":["doc"]}',
    '{"type":"Join","join":["b","c"],"documentIds":["b","c"]}',
    '{"type":"Heartbeat"}',
  ]);
  await relay.introduce("bob", "b");
  assertEquals(relay.connections.map(({ url }) => url), ["ws://relay/connection/alice/bob/b"]);
  assertEquals(relay.introduction.frames, []);
});

Deno.test("multiplex: a welcome that is not first, or of a lower protocol, is none", async () => {
  for (const first of ["introduction", "lower"]) {
    const relay = new WelcomingRelay();
    const client = relay.client();
    const lines = diary(client);
    await turn();
    relay.introduction.open();
    const welcome = { type: "Welcome", limits: relay.limits, heartbeatSeconds: 15 } as const;
    if (first === "lower") await relay.say({ ...welcome, protocol: 4 });
    else relay.introduction.receive('{"type":"Introduction","userName":"bob","documentIds":["doc"]}');
    await relay.say({ ...welcome, protocol: 5 });
    relay.introduction.receive('{"type":"Introduction","userName":"eve","documentIds":["doc"]}');
    await turn();
    assertEquals(relay.connection.url, "ws://relay/connection/alice/eve/doc", first);
    assertEquals(relay.introduction.frames, [], first);
    assertEquals(lines.filter((line) => line.startsWith("error")).length, first === "lower" ? 2 : 1, first);
  }
});

Deno.test("multiplex: a relay may come back older, and newer again", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const lines = diary(client);
  relay.introduction.end(1012);
  await relay.pass(500);
  relay.introduction.open();
  relay.introduction.receive('{"type":"Introduction","userName":"bob","documentIds":["doc"]}');
  await turn();
  relay.connection.open();
  relay.introduction.end(1012);
  await relay.pass(1000);
  await relay.welcome();
  await relay.introduce("eve");
  await relay.introduce("bob");
  assertEquals(relay.lines, ["open 1 eve doc"]);
  assertEquals(lines.filter((line) => !line.startsWith("server")), [
    "peer.disconnect bob doc",
    "peer.connect bob doc",
    "peer.connect eve doc",
  ]);
  assertEquals(relay.connections.length, 1, "what is open on a socket of its own lives on");
});

Deno.test("multiplex: what is said in one turn is one frame, and documents are named once", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  const before = relay.introduction.sent.length;
  client.join("b").join("c").leave("doc").join("d");
  await turn();
  assertEquals(relay.introduction.sent.slice(before), [
    '[{"type":"Leave","leave":["doc"]},{"type":"Join","join":["b","c","d"]}]',
  ]);
  client.join("e");
  await turn();
  assertEquals(relay.introduction.sent.at(-1), '{"type":"Join","join":["e"]}');
});

Deno.test("multiplex: however much is said in one turn, a relay can read every frame", async () => {
  const relay = new WelcomingRelay();
  const old = Array.from({ length: 10_000 }, (_, i) => `old-${i}`);
  const client = await relay.connected({ documentIds: old });
  const before = relay.introduction.sent.length;
  for (const id of old) client.leave(id).join(id.replace("old", "new"));
  await turn();
  const frames = relay.introduction.sent.slice(before);
  const messages = frames.map((frame) => readMessages(frame)?.map(({ type }) => type).join());
  assertEquals(messages, ["Leave", "Join"]);
  // A relay counts values that are no documents, too.
  const small = packMessages(Array.from({ length: 30_000 }, () => '{"type":"Heartbeat"}'), 22_000);
  assertEquals(small.flatMap((frame) => readMessages(frame)).length, 30_000);
});

Deno.test("multiplex: limits that no relay can mean are taken as the nearest that make sense", async () => {
  const relay = new WelcomingRelay();
  relay.limits = { ...relay.limits, windowBytes: 2 ** 53 };
  await relay.paired();
  assertEquals(relay.lines.at(-1), `window 1 ${2 ** 31 - 1 - 64 * 1024}`);
});

Deno.test("multiplex: a peer whom no path can name is an error, and those behind it are met", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  const lines = diary(client);
  await relay.say(
    { type: "Introduction", userName: "..", documentIds: ["doc"] },
    { type: "Introduction", userName: "bob", documentIds: ["doc"] },
  );
  assertEquals(lines, [
    'error Cannot understand the relay: want a Introduction, got {"type":"Introduction","userName":"..","documentIds":["doc"]}',
    "peer.connect bob doc",
  ]);
});

Deno.test("multiplex: what is not understood is passed over, and what should have been is told", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  const lines = diary(client);
  for (const text of ['[{"type":"News","x":1},7,null]', '{"type":"Heartbeat","x":1}', "[]"]) {
    relay.introduction.receive(text);
  }
  assertEquals(lines, []);
  relay.introduction.receive(
    '[{"type":"Introduction"},{"type":"Introduction","userName":"bob","documentIds":["doc"]}]',
  );
  relay.introduction.receive("no JSON");
  await turn();
  assertEquals(lines, [
    'error Cannot understand the relay: want a Introduction, got {"type":"Introduction"}',
    "error Cannot read messages: want an array of JSON objects, got no JSON",
    "peer.connect bob doc",
  ]);
});

Deno.test("multiplex: refused documents are an error that names them, and says why", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  const errors: Error[] = [];
  client.on("error", (error) => errors.push(error));
  await relay.say({ type: "Refusal", join: ["doc"], reason: "forbidden" });
  const many = Array.from({ length: 12 }, (_, i) => `d${i}`);
  await relay.say({ type: "Refusal", join: many, reason: "full" });
  await relay.say({ type: "Refusal", join: ["doc"], reason: "constructor" as JoinRefusal });
  assertEquals(errors.pop()!.message, 'Cannot join "doc": want what the relay allows, got "constructor"');
  assertEquals(errors.map(({ name, message }) => [name, message]), [
    ["RefusalError", 'Cannot join "doc": want a token that names it, got "forbidden"'],
    [
      "RefusalError",
      'Cannot join "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9" and 2 others: ' +
      'want at most 10000 documents, got "full"',
    ],
  ]);
  assertEquals(errors.map((error) => "documentIds" in error && error.documentIds), [["doc"], many]);
});
