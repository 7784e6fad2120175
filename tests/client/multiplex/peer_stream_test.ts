/** A stream has the interface of a WebSocket. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { turn } from "../fake_relay.ts";
import { streamOf, WelcomingRelay } from "./welcoming_relay.ts";

Deno.test("peer stream: it has all that a WebSocket has", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired({ url: "ws://relay/base", token: "t" }));
  const names = Object.getOwnPropertyNames(WebSocket.prototype).filter((name) => name !== "constructor");
  assertEquals(names.filter((name) => !(name in socket)), []);
  assert(socket as unknown instanceof EventTarget);
  assertEquals(socket.url, "ws://relay/base/connection/alice/bob/doc", "without the token");
  const { readyState, bufferedAmount, binaryType, protocol, extensions, onmessage } = socket;
  assertEquals([readyState, bufferedAmount, binaryType, protocol, extensions, onmessage], [
    ...[1, 0, "arraybuffer", "", ""],
    null,
  ]);
  assertEquals([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED], [0, 1, 2, 3]);
});

Deno.test("peer stream: handlers, listeners and on() hear the same, and one that throws keeps nobody from hearing", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  const heard: unknown[] = [];
  socket.onmessage = ({ data }) => heard.push(["onmessage", data]);
  socket.addEventListener("message", ({ data }) => heard.push(["listener", data]), { once: true });
  socket.on("data", (data) => heard.push(["on", data]));
  socket.onclose = ({ code }) => heard.push(["onclose", code]);
  await say(relay, "1");
  socket.onmessage = null;
  await say(relay, "2");
  await relay.write((frame) => frame.close(1, { code: 4001, reason: "" }));
  assertEquals(heard, [["onmessage", "1"], ["listener", "1"], ["on", "1"], ["on", "2"], ["onclose", 4001]]);
});

Deno.test("peer stream: what nobody listens for in time is kept up to 1 MiB, and not for who reads in another way", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  await say(relay, "early");
  socket.onmessage = () => {};
  const heard: unknown[] = [];
  socket.on("data", (data) => heard.push(data));
  await say(relay, "late");
  assertEquals(heard, ["late"]);

  const other = new WelcomingRelay();
  const lazy = streamOf(await other.paired());
  for (let i = 0; i < 5; i++) {
    for (let part = 0; part < 8; part++) {
      await other.write((frame) => frame.data(1, new Uint8Array(32_000), { text: false, more: part < 7 }));
    }
  }
  assertThrows(() => lazy.on("data", () => {}), Error, "want a listener before 1048576 bytes have come");
});

Deno.test("peer stream: binary comes as what binaryType says", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  socket.binaryType = "blob";
  const heard: unknown[] = [];
  socket.addEventListener("message", ({ data }) => heard.push(data));
  await relay.write((frame) => frame.data(1, new Uint8Array([1, 2]), { text: false, more: false }));
  assertEquals(new Uint8Array(await (heard[0] as Blob).arrayBuffer()), new Uint8Array([1, 2]));
});

Deno.test("peer stream: a Blob that comes before anybody listens is kept", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  socket.binaryType = "blob";
  await relay.write((frame) => frame.data(1, Uint8Array.of(1, 2, 3), { text: false, more: false }));
  const heard: unknown[] = [];
  socket.on("data", (data) => heard.push(data));
  await turn();
  assertEquals(heard.map((data) => data instanceof Blob && data.size), [3]);
});

Deno.test("peer stream: everything that a WebSocket sends is sent, in order, also behind a Blob", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  const bytes = new Uint8Array([9, 1, 2, 9]);
  socket.send("text");
  socket.send(new Blob(["blob"]));
  socket.send(bytes.subarray(1, 3));
  socket.send(bytes.buffer);
  socket.send(new DataView(bytes.buffer, 3));
  socket.send(7 as unknown as string);
  assertEquals(socket.bufferedAmount, 4 + 4 + 2 + 4 + 1 + 1);
  bytes.fill(0); // ours again
  socket.close();
  while (socket.readyState < 3) await new Promise((resolve) => setTimeout(resolve));
  const said = relay.said.slice(2).map(({ kind, data, isText, close }) =>
    kind === "close" ? close!.code : isText ? new TextDecoder().decode(data) : [...data!]
  );
  assertEquals(said, ["text", [98, 108, 111, 98], [1, 2], [9, 1, 2, 9], [9], "7", 1000]);
});

Deno.test("peer stream: a Blob that cannot be read ends it, and so do several", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  const blob = new Blob(["x"]);
  Object.defineProperty(blob, "arrayBuffer", { value: () => Promise.reject(new Error("gone")) });
  let code = 0;
  socket.on("close", (event) => code = event.code);
  // Nobody waits for the second: a rejection that is not handled would end the program.
  for (let i = 0; i < 2; i++) socket.send(blob);
  socket.send("behind it");
  while (socket.readyState < 3) await new Promise((resolve) => setTimeout(resolve));
  assertEquals([code, relay.lines.at(-1)], [4410, "close 1 4410 peer connection was lost"]);
});

Deno.test("peer stream: misuse is refused as by a WebSocket", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  assertThrows(() => socket.close(1001), DOMException, "want 1000, or a code from 3000 to 4999, got 1001");
  assertThrows(() => socket.close(3000, "x".repeat(124)), DOMException, "want a reason of at most 123 bytes, got 124");
  const on = socket.on as (event: string, listener: unknown) => void;
  assertThrows(() => on.call(socket, "open", () => {}), TypeError, 'want "data" or "close", got "open"');
  assertThrows(() => on.call(socket, "data", 7), TypeError, "want a function, got number");
  assertEquals(socket.readyState, 1);
});

Deno.test("peer stream: one that was closed while it waited for its place is never begun", async () => {
  const relay = new WelcomingRelay();
  relay.limits.streams = 1;
  const client = await relay.paired();
  await relay.introduce("eve");
  assertEquals(client.get("eve", "doc"), null);
  client.disconnectPeer("eve");
  await turn();
  await relay.write((frame) => frame.close(1, { code: 1000, reason: "" }));
  assertEquals(relay.lines, ["open 1 bob doc", "window 1 196608"]);
  assertEquals(client.has("eve"), false);
});

Deno.test("peer stream: ready when less than 256 KiB are buffered, or at the end", async () => {
  const relay = new WelcomingRelay();
  const socket = streamOf(await relay.paired());
  await socket.ready;
  socket.write(new Uint8Array(400_000));
  await turn();
  let isReady = false;
  socket.ready.then(() => isReady = true);
  await turn();
  assertEquals(isReady, false);
  await relay.write((frame) => frame.window(1, 200_000));
  assertEquals(isReady, true);
  assert(socket.bufferedAmount > 0);
  socket.write(new Uint8Array(400_000));
  const { ready } = socket;
  await relay.write((frame) => frame.close(1, { code: 1000, reason: "" }));
  await ready;
  assertEquals(socket.bufferedAmount, 0);
});

/** Bob says something. */
async function say(relay: WelcomingRelay, text: string): Promise<void> {
  await relay.write((frame) => frame.data(1, new TextEncoder().encode(text), { text: true, more: false }));
}
