/** The one socket to the relay: whether it lives, whose token it has, and how it is left. */

import { assert, assertEquals } from "@std/assert";
import { CLOSE } from "../../../src/protocol.ts";
import { diary, turn } from "../fake_relay.ts";
import { streamOf, WelcomingRelay } from "./welcoming_relay.ts";

const HEARTBEAT = '{"type":"Heartbeat"}';
const DEAD = "error Connection to ws://relay/introduction/alice failed: the relay does not answer any more";
/** Drawn by chance: 999,999 of a million. */
const ALMOST = 0.999999;

Deno.test("multiplex: who says nothing for 15 s says that it lives, and goes on when it is answered", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  const before = relay.introduction.sent.length;
  await relay.pass(14_999);
  assertEquals(relay.introduction.sent.length, before);
  await relay.pass(1);
  assertEquals(relay.introduction.sent.slice(before), [HEARTBEAT]);
  await relay.say({ type: "Heartbeat" });
  await relay.pass(3_600_000);
  assert(client.open);
  assertEquals([relay.introductions.length, relay.clock.pending], [1, 1]);
});

Deno.test("multiplex: a way on which two heartbeats go unanswered is dead, and made anew", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const lines = diary(client);
  relay.isSilent = true;
  const start = relay.clock.now();
  while (client.open) await relay.pass(1000);
  assertEquals(relay.clock.now() - start, 35_000);
  assertEquals(lines, [DEAD, "peer.disconnect bob doc", "server.disconnect"]);
  assertEquals(relay.introduction.closedWith, 1000);
  assertEquals(relay.introduction.sent.filter((text) => text === HEARTBEAT).length, 2);
  await relay.pass(500);
  assertEquals(relay.introductions.length, 2);
});

Deno.test("multiplex: whoever talks all the time notices a dead way, too", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  relay.isSilent = true;
  const start = relay.clock.now();
  while (client.open) {
    streamOf(client).write(new Uint8Array(10));
    await relay.pass(1000);
  }
  assert(relay.clock.now() - start <= 45_000);
});

Deno.test("multiplex: any frame is a sign of life", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  relay.isSilent = true;
  for (let i = 0; i < 100; i++) {
    await relay.pass(9_000);
    await relay.write((frame) => frame.data(1, new Uint8Array(1), { text: false, more: false }));
  }
  assert(client.open);
});

Deno.test("multiplex: a timer that fires late starts its wait again", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  relay.isSilent = true;
  for (let i = 0; i < 20; i++) {
    relay.clock.block(60_000); // a page in the background, or a machine that sleeps
    await turn();
  }
  assert(client.open);
  await relay.pass(20_000);
  assertEquals(client.open, false, "awake, it counts");
});

Deno.test("multiplex: a token is asked for again before the last one is over", async () => {
  const relay = new WelcomingRelay();
  relay.expiresInSeconds = 3600;
  let count = 0;
  await relay.connected({ token: () => `token ${++count}` });
  await relay.pass(3_540_000 - 1);
  assertEquals(count, 1);
  await relay.pass(1);
  assertEquals([count, relay.introduction.sent.at(-1)], [2, '{"type":"Token","token":"token 2"}']);
  const { limits } = relay;
  await relay.say({ type: "Welcome", protocol: 5, limits, heartbeatSeconds: 15, expiresInSeconds: 60 });
  await relay.pass(48_000);
  assertEquals(count, 3);
});

Deno.test("multiplex: a token that does not change is not asked for, and one that is for ever neither", async () => {
  for (const [token, expiresInSeconds] of [["fixed", 60], [() => "again", undefined]] as const) {
    const relay = new WelcomingRelay();
    relay.expiresInSeconds = expiresInSeconds;
    await relay.connected({ token });
    await relay.pass(3_600_000);
    assertEquals(relay.heard.filter(({ type }) => type === "Token"), []);
  }
});

Deno.test("multiplex: a token that cannot be had is an error, and asked for again, also when the last one is over", async () => {
  const relay = new WelcomingRelay();
  relay.expiresInSeconds = 100;
  let isAway = false;
  const client = await relay.connected({
    token: () => {
      if (isAway) throw new Error("away");
      return "t";
    },
  });
  const lines = diary(client);
  isAway = true;
  await relay.pass(80_000);
  assertEquals(lines, ["error Cannot renew the token: away"]);
  await relay.pass(120_000);
  assert(lines.length > 3);
  isAway = false;
  await relay.pass(5_000);
  assertEquals(relay.introduction.sent.at(-1), '{"type":"Token","token":"t"}');
  client.disconnectServer();
  assertEquals(relay.clock.pending, 0);
});

Deno.test("multiplex: a token that never comes is asked for again, and nothing of that survives the end", async () => {
  const relay = new WelcomingRelay();
  relay.expiresInSeconds = 100;
  const { promise } = Promise.withResolvers<string>();
  let count = 0;
  const client = await relay.connected({ token: () => ++count === 2 ? promise : `t${count}` });
  await relay.pass(80_000);
  assertEquals(count, 2);
  await relay.pass(10_000);
  assertEquals([count, relay.introduction.sent.at(-1)], [3, '{"type":"Token","token":"t3"}']);
  client.disconnectServer();
  assertEquals(relay.clock.pending, 0);
});

Deno.test("multiplex: who has left a document before the relay refused it is not joined with the next token", async () => {
  const relay = new WelcomingRelay();
  relay.expiresInSeconds = 60;
  const client = await relay.connected({ token: () => "t" });
  client.join("private");
  await turn();
  client.leave("private");
  await turn();
  await relay.say({ type: "Refusal", join: ["private"], reason: "expired" });
  const said = relay.heard.length;
  await relay.say({ type: "Welcome", protocol: 5, limits: relay.limits, heartbeatSeconds: 15, expiresInSeconds: 60 });
  assertEquals(relay.heard.slice(said), []);
});

Deno.test("multiplex: with another token what was refused since the last one was over is joined, if it is still wanted", async () => {
  const relay = new WelcomingRelay();
  relay.expiresInSeconds = 60;
  const client = await relay.connected({ token: () => "t" });
  client.join("kept").join("left").join("not mine");
  await turn();
  await relay.say({ type: "Refusal", join: ["kept", "left"], reason: "expired" });
  await relay.say({ type: "Refusal", join: ["not mine"], reason: "forbidden" });
  client.leave("left");
  await relay.pass(48_000);
  const { limits } = relay;
  const said = relay.heard.length;
  for (let i = 0; i < 2; i++) {
    await relay.say({ type: "Welcome", protocol: 5, limits, heartbeatSeconds: 15, expiresInSeconds: 60 });
  }
  assertEquals(relay.heard.slice(said), [{ type: "Join", join: ["kept"] }]);
});

Deno.test("multiplex: a token that comes after the end is not used", async () => {
  const relay = new WelcomingRelay();
  relay.expiresInSeconds = 60;
  const { promise, resolve } = Promise.withResolvers<string>();
  let count = 0;
  const client = await relay.connected({ token: () => ++count === 1 ? "first" : promise });
  await relay.pass(48_000);
  client.disconnectServer();
  resolve("late");
  await turn();
  assertEquals([count, relay.heard.filter(({ type }) => type === "Token")], [2, []]);
});

Deno.test("multiplex: who is told to go away closes its streams, its socket, and only then connects again", async () => {
  const relay = new WelcomingRelay();
  relay.random = () => 0.5;
  const client = await relay.paired();
  streamOf(client).write("before");
  const lines = diary(client);
  await relay.say({ type: "GoAway", reconnectWithinSeconds: 4 });
  await relay.introduce("eve");
  await relay.pass(1_999);
  assertEquals([relay.introduction.closedWith, lines], [undefined, []], "introductions come again elsewhere");
  streamOf(client).write("last");
  await relay.pass(1);
  assertEquals(relay.lines.slice(-2), ['data 1 "last"', "close 1 1012 relay is restarting"]);
  assertEquals([relay.introduction.closedWith, relay.introductions.length], [1000, 1]);
  relay.introduction.end(1000);
  await turn();
  assertEquals(relay.introductions.length, 2);
  await relay.welcome();
  await relay.introduce("bob");
  await relay.pass(10_000);
  assertEquals(lines, ["server.disconnect", "peer.disconnect bob doc", "server.connect", "peer.connect bob doc"]);
  assertEquals(relay.joins, 1);
});

Deno.test("multiplex: a hundred clients that are told to go away do so one by one", async () => {
  const times: number[] = [];
  for (let i = 0; i < 100; i++) {
    const relay = new WelcomingRelay();
    relay.random = () => i / 100;
    await relay.connected();
    await relay.say({ type: "GoAway", reconnectWithinSeconds: 4 });
    while (relay.introduction.closedWith === undefined) await relay.pass(40);
    times.push(relay.clock.now());
  }
  assert(new Set(times).size >= 99);
  assert(Math.max(...times) <= 4000);
});

Deno.test("multiplex: an old socket that never closes keeps nobody from the new relay", async () => {
  const relay = new WelcomingRelay();
  relay.random = () => ALMOST;
  const client = await relay.paired();
  streamOf(client).write(new Uint8Array(100_000)); // more than it has credit for
  await relay.say({ type: "GoAway", reconnectWithinSeconds: 4 });
  await relay.pass(6_001);
  assertEquals(relay.introductions.length, 2);
  client.disconnectServer();
  assertEquals(relay.clock.pending, 0);
});

Deno.test("multiplex: a relay that sends everybody away at once, again and again, is not tried in a loop", async () => {
  const relay = new WelcomingRelay();
  await relay.connected();
  for (let i = 0; i < 8; i++) {
    const { introduction } = relay;
    await relay.say({ type: "GoAway", reconnectWithinSeconds: 0 });
    while (introduction.closedWith === undefined) await relay.pass(100);
    introduction.end(1000);
    await turn();
    await relay.welcome();
  }
  assert(relay.clock.now() > 15_000, `${relay.clock.now()} ms`);
});

Deno.test("multiplex: who is told to go away and disconnects stays so", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  await relay.say({ type: "GoAway", reconnectWithinSeconds: 4 });
  client.disconnectServer();
  await relay.pass(60_000);
  assertEquals([relay.introductions.length, relay.clock.pending], [1, 0]);
});

Deno.test("multiplex: a lost stream waits for the next relay after GoAway", async () => {
  const relay = new WelcomingRelay();
  relay.random = () => ALMOST;
  await relay.paired();
  await relay.say({ type: "GoAway", reconnectWithinSeconds: 4 });
  await relay.write((frame) => frame.close(1, CLOSE.restarting));
  await relay.pass(3_900);
  assertEquals([relay.lines.length, relay.joins], [2, 1]);
});

Deno.test("multiplex: a relay that breaks the protocol is left, with an error, and tried again", async () => {
  const frames: Record<string, (relay: WelcomingRelay) => Promise<void>> = {
    "open from a relay": (relay) => relay.write((frame) => frame.open(1, { userName: "a", documentId: "b" })),
    "stream was not opened": (relay) => relay.write((frame) => frame.opened(2)),
    "more data than credit": (relay) =>
      relay.write((frame) => {
        for (let i = 0; i < 65_536 / 64; i++) frame.data(1, new Uint8Array(), { text: true, more: false });
        frame.data(1, new Uint8Array(), { text: true, more: false });
      }),
    "message changes its type": (relay) =>
      relay.write((frame) => {
        frame.data(1, new Uint8Array(), { text: true, more: true });
        frame.data(1, new Uint8Array(), { text: false, more: false });
      }),
    "credit is beyond 2^31-1": (relay) => relay.write((frame) => frame.window(1, 2 ** 31 - 1)),
    "kind is unknown": async (relay) => {
      relay.introduction.receive(new Uint8Array([1, 9, 0]).buffer);
      await turn();
    },
  };
  for (const [problem, breaks] of Object.entries(frames)) {
    const relay = new WelcomingRelay();
    const client = await relay.connected();
    await relay.introduce("bob");
    const lines = diary(client);
    await breaks(relay);
    const error = `error Connection to ws://relay/introduction/alice failed: the relay broke protocol 5: ${problem}`;
    assertEquals(lines, [error, "peer.disconnect bob doc", "server.disconnect"], problem);
    await relay.pass(500);
    assertEquals(relay.introductions.length, 2, problem);
  }
});

Deno.test("multiplex: no timer survives the end, whenever it comes", async () => {
  for (const when of ["before welcome", "open", "paired", "moving"]) {
    const relay = new WelcomingRelay();
    relay.expiresInSeconds = 60;
    const client = when === "before welcome" ? relay.client({ token: () => "t" }) : await relay.connected();
    await turn();
    if (when === "before welcome") relay.introduction.open();
    if (when === "paired") await relay.introduce("bob");
    if (when === "moving") await relay.say({ type: "GoAway", reconnectWithinSeconds: 4 });
    client.disconnectServer();
    assertEquals([relay.clock.pending, relay.network.count], [0, 0], when);
  }
});
