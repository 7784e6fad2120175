/** What a client sends, and when: credit in both directions, turns, and a socket that takes no more. */

import { assert, assertEquals } from "@std/assert";
import { creditCost, WIRE_LIMITS } from "../../../src/protocol.ts";
import { turn } from "../fake_relay.ts";
import { streamOf, WelcomingRelay } from "./welcoming_relay.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const PART = { text: false, more: true };
const WHOLE = { text: false, more: false };

Deno.test("credit: before the other side comes, as much is sent as the relay holds, and it is not the end", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.connected();
  await relay.introduce("bob");
  for (let i = 0; i < 100; i++) streamOf(client).write(new Uint8Array(KIB));
  await relay.pass(600_000);
  const { bytes, records } = relay.dataOf(1);
  assertEquals([records, bytes], [60, 60 * KIB], "60 times 1,088 are less than 65,536");
  assertEquals(streamOf(client).bufferedAmount, 40 * KIB);
  await relay.write((frame) => {
    frame.opened(1);
    frame.window(1, 196_608);
  });
  assertEquals([relay.dataOf(1).records, streamOf(client).bufferedAmount], [100, 0]);
});

Deno.test("credit: a message larger than any window crosses in parts, as credit comes", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const message = new Uint8Array(MIB + 1).map((_, i) => i);
  streamOf(client).write(message);
  for (let left = 100; relay.dataOf(1).bytes < message.byteLength && left > 0; left--) {
    await turn();
    await relay.write((frame) => frame.window(1, 100_000));
  }
  const parts = relay.said.filter(({ kind }) => kind === "data");
  assertEquals(new Uint8Array(await new Blob(parts.map(({ data }) => new Uint8Array(data!))).arrayBuffer()), message);
  assertEquals(parts.map(({ hasMore }) => hasMore), [...parts.slice(1).map(() => true), false]);
  assert(parts.every(({ data }) => data!.byteLength <= WIRE_LIMITS.recordBytes));
  assert(parts.slice(0, -1).every(({ data }) => data!.byteLength >= 8 * KIB), "records stay large");
  assert(relay.introduction.frames.every(({ byteLength }) => byteLength <= WIRE_LIMITS.recordFrameBytes));
});

Deno.test("credit: never more is sent than there is credit for, whatever the sizes", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  let granted: number = WIRE_LIMITS.firstWindowBytes;
  for (let i = 0; i < 300; i++) {
    streamOf(client).write(new Uint8Array((i * 7919) % 90_000));
    await turn();
    const used = relay.said.filter(({ kind }) => kind === "data")
      .reduce((sum, { data }) => sum + creditCost(data!.byteLength), 0);
    assert(used <= granted);
    const more = 1 + (i * 104_729) % 60_000;
    granted += more;
    await relay.write((frame) => frame.window(1, more));
  }
});

Deno.test("credit: a client gives it back as it is half used, for unfinished messages, too", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  assertEquals(relay.lines.at(-1), "window 1 196608");
  const heard: unknown[] = [];
  streamOf(client).on("data", (data) => heard.push(data));
  let credit = 256 * KIB;
  for (let sent = 0; sent < 4 * MIB; sent += 32 * KIB) {
    assert(credit >= creditCost(32 * KIB), `after ${sent} bytes`);
    credit -= creditCost(32 * KIB);
    const before = relay.said.length;
    await relay.write((frame) => frame.data(1, new Uint8Array(32 * KIB).fill(7), PART));
    for (const { window = 0 } of relay.said.slice(before)) credit += window;
    assert(credit <= 256 * KIB);
  }
  await relay.write((frame) => frame.data(1, new Uint8Array(1), WHOLE));
  assertEquals(heard.map((data) => (data as ArrayBuffer).byteLength), [4 * MIB + 1]);
});

Deno.test("credit: a message over the relay's bound ends its stream, in both directions, and nothing else", async () => {
  const relay = new WelcomingRelay();
  relay.limits.messageBytes = 100;
  const client = await relay.paired();
  await relay.introduce("eve");
  const codes: number[] = [];
  for (const name of ["bob", "eve"]) streamOf(client, name).on("close", ({ code }) => codes.push(code));
  streamOf(client).write(new Uint8Array(101));
  await relay.write((frame) => {
    frame.data(2, new Uint8Array(100), PART);
    frame.data(2, new Uint8Array(1), PART);
  });
  assertEquals(relay.lines.slice(-2), ["close 1 1009 message too big", "close 2 1009 message too big"]);
  assertEquals([codes, client.open], [[1009, 1009], true]);
});

Deno.test("credit: text that is no text ends its stream", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  let code = 0;
  streamOf(client).on("close", (event) => code = event.code);
  await relay.write((frame) => frame.data(1, new Uint8Array([0xc3]), { text: true, more: false }));
  assertEquals([relay.lines.at(-1), code], ["close 1 1007 text is not UTF-8", 1007]);
});

Deno.test("credit: a character that is cut between two parts is put together", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const heard: unknown[] = [];
  streamOf(client).on("data", (data) => heard.push(data));
  for (const [byte, more] of [[0xef, true], [0xbb, true], [0xbf, true], [0xc3, true], [0xbc, false]] as const) {
    await relay.write((frame) => frame.data(1, new Uint8Array([byte]), { text: true, more }));
  }
  assertEquals(heard, ["\ufeffü"], "a byte order mark is text like any other");
});

Deno.test("credit: streams take turns, and a small message waits for none of a bulk", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  await relay.introduce("eve");
  await relay.write((frame) => frame.window(1, 16 * MIB));
  streamOf(client).write(new Uint8Array(8 * MIB));
  streamOf(client, "eve").write("small");
  await turn();
  const order = relay.said.filter(({ kind }) => kind === "data").map(({ stream }) => stream);
  assertEquals(order.slice(0, 3), [1, 2, 1]);
  assertEquals(relay.dataOf(1).bytes, 8 * MIB);
});

Deno.test("credit: nothing is written while 256 KiB wait in the socket, until it is looked at again", async () => {
  for (const occasion of ["a timer", "a frame"]) {
    const relay = new WelcomingRelay();
    const client = await relay.paired();
    await relay.write((frame) => frame.window(1, 16 * MIB));
    relay.introduction.bufferedAmount = 256 * KIB + 1;
    streamOf(client).write(new Uint8Array(MIB));
    client.join("b");
    await turn();
    assertEquals([relay.dataOf(1).bytes, streamOf(client).bufferedAmount], [0, MIB], occasion);
    assertEquals(relay.introduction.sent.at(-1), '{"type":"Join","join":["b"]}', "control is not bound to a stream");
    if (occasion === "a timer") await relay.pass(10_000);
    assertEquals(relay.dataOf(1).bytes, 0, occasion);
    relay.introduction.bufferedAmount = 256 * KIB;
    if (occasion === "a timer") await relay.pass(50);
    else await relay.say({ type: "Heartbeat" });
    assertEquals(relay.dataOf(1).bytes, MIB, occasion);
  }
});

Deno.test("credit: a socket that fills up is written to as far as it takes it", async () => {
  const relay = new WelcomingRelay();
  const client = await relay.paired();
  const { introduction } = relay;
  await relay.write((frame) => frame.window(1, 64 * MIB));
  const { send } = introduction;
  introduction.send = (data) => {
    introduction.bufferedAmount += data.length;
    send.call(introduction, data);
  };
  streamOf(client).write(new Uint8Array(8 * MIB));
  await turn();
  while (streamOf(client).bufferedAmount > 0) {
    assert(introduction.bufferedAmount <= 256 * KIB + 64 * KIB, `${introduction.bufferedAmount}`);
    introduction.bufferedAmount = 0;
    await relay.pass(50);
  }
  assertEquals(relay.dataOf(1).bytes, 8 * MIB);
});
