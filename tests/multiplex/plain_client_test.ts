/** A client that was written from PROTOCOL.md alone, against a real relay. */

import { assert, assertEquals } from "@std/assert";
import { Client, type PeerSocket } from "../../src/client/mod.ts";
import { startRelay, within } from "../helpers/process.ts";
import { TRANSPORTS } from "../helpers/transports.ts";
import { PlainClient } from "./plain_client.js";

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: two plain clients meet on one socket each, and talk about two documents`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const alice = new PlainClient(relay.url, "alice").connect(["one", "two"]);
    await alice.until(() => alice.welcome !== undefined);
    const bob = new PlainClient(relay.url, "bob").connect(["two", "one", "three"]);
    for (const client of [alice, bob]) {
      await client.until(() => [...client.streams.values()].filter(({ isOpened }) => isOpened).length === 2);
      for (const stream of client.streams.values()) stream.send(`hello about ${stream.documentId}`);
    }
    for (const client of [alice, bob]) {
      for (const stream of client.streams.values()) {
        await client.until(() => stream.messages.length > 0);
        assertEquals(stream.messages, [`hello about ${stream.documentId}`]);
      }
    }
    assertEquals(
      await (await fetch(relay.http, { headers: { accept: "application/json" } })).json().then((
        { connections, streams, pairs },
      ) => ({ connections, streams, pairs })),
      { connections: 2, streams: 4, pairs: 2 },
    );
    const [stream] = [...bob.streams.values()];
    const [mine] = [...alice.streams.values()].filter(({ documentId }) => documentId === stream.documentId);
    alice.leave();
    await bob.until(() => stream.close_ !== undefined);
    assertEquals([mine.close_, stream.close_], [{ code: 1000, reason: "" }, { code: 1000, reason: "" }]);
    bob.leave();
    await Promise.all([alice.closed, bob.closed]);
  });

  Deno.test(`${transport}: a plain client meets our client, and each hears all that the other says, and its end`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    await using ours = new Client({ url: relay.url, userName: "ours", documentIds: ["doc"] });
    const opened = new Promise<PeerSocket>((resolve) => ours.on("peer.connect", ({ socket }) => resolve(socket)));
    const plain = new PlainClient(relay.url, "plain").connect(["doc"]);
    const socket = await within(opened, "them to meet");
    const heard: number[] = [];
    const end = new Promise<number>((resolve) => socket.on("close", ({ code }) => resolve(code)));
    socket.on("data", (data) => heard.push(typeof data === "string" ? data.length : (data as ArrayBuffer).byteLength));
    await within(plain.until(() => plain.streams.size === 1), "a stream");
    const [stream] = plain.streams.values();
    const sizes = [0, 1, 32_769, 65_473, 262_145, 1_000_003];
    for (const size of sizes) {
      stream.send(new Uint8Array(size));
      socket.write("x".repeat(size));
    }
    await within(plain.until(() => stream.messages.length === sizes.length && stream.isFlushed), "all to cross");
    assertEquals(stream.messages.map((message: string) => message.length), sizes);
    stream.close(4321, "bye");
    assertEquals([await within(end, "the end"), heard], [4321, sizes]);
    plain.leave();
    await plain.closed;
  });

  Deno.test(`${transport}: messages of all sizes cross unchanged and in order, more than a window each way`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const alice = new PlainClient(relay.url, "alice").connect(["doc"]);
    const bob = new PlainClient(relay.url, "bob").connect(["doc"]);
    await alice.until(() => alice.streams.size === 1);
    await bob.until(() => bob.streams.size === 1);
    const [mine, theirs] = [[...alice.streams.values()][0], [...bob.streams.values()][0]];
    const sizes = [0, 1, 100, 32_768, 32_769, 65_472, 65_473, 262_144, 0, 1_000_003, 3 * 1024 * 1024];
    const messages = sizes.flatMap((size) => [new Uint8Array(size).fill(size % 251), "ü".repeat(size / 2)]);
    for (const message of messages) {
      mine.send(message);
      theirs.send(message);
    }
    for (const [client, stream] of [[alice, mine], [bob, theirs]] as const) {
      await client.until(() => stream.messages.length === messages.length);
      for (const [i, message] of messages.entries()) assert(isEqual(stream.messages[i], message), `message ${i}`);
    }
    alice.leave();
    bob.leave();
    await Promise.all([alice.closed, bob.closed]);
  });
}

function isEqual(one: string | Uint8Array, other: string | Uint8Array): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
