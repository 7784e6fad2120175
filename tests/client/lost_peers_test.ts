/** What the network and other tabs do to a connection without a word, and how it is found again. */

import { assert, assertEquals } from "@std/assert";
import { Client, type ClientOptions } from "../../src/client/mod.ts";
import { within } from "../helpers/process.ts";
import { RelayStage } from "./stage.ts";

Deno.test("lost peers: a connection that died in silence is replaced", async () => {
  await using relay = await RelayStage.start(["--idle-timeout", "4"]);
  await using alice = client(relay, "alice", { multiplex: false });
  await using bob = client(relay, "bob", { multiplex: false });
  await Promise.all([connects(alice, "bob"), connects(bob, "alice")]);
  const dead = alice.get("bob", "doc")!;
  const again = Promise.all([connects(bob, "alice"), connects(alice, "bob")]);
  relay.cable.freeze("/connection/alice/");
  await again; // bob's side in four seconds, alice's when the relay has reminded her twice
  assertEquals(dead === alice.get("bob", "doc"), false);
  await talks(alice, bob);
  relay.cable.cut("/connection/alice/"); // the frozen one would keep the disposal waiting
});

Deno.test("lost peers: a relay that a client reaches no more, and does not know, is found again within 45 s", async () => {
  await using relay = await RelayStage.start(["--idle-timeout", "4"]);
  await using alice = client(relay, "alice");
  await using bob = client(relay, "bob");
  await Promise.all([connects(alice, "bob"), connects(bob, "alice")]);
  await talks(alice, bob);
  const again = Promise.all([connects(bob, "alice"), connects(alice, "bob")]);
  const start = performance.now();
  relay.cable.freeze("/introduction/alice");
  await again;
  assert(performance.now() - start < 45_000);
  await talks(alice, bob);
  relay.cable.cut("");
});

for (const multiplex of [true, false]) {
  const way = multiplex ? "on streams" : "on sockets of their own";

  Deno.test(`lost peers: of two tabs with one id the newer is served, and they do not fight, ${way}`, async () => {
    await using relay = await RelayStage.start();
    await using bob = client(relay, "bob", { multiplex });
    await using older = client(relay, "alice", { multiplex });
    await Promise.all([connects(older, "bob"), connects(bob, "alice")]);
    let fights = 0;
    older.on("peer.connect", () => fights++);
    const again = connects(bob, "alice");
    await using newer = client(relay, "alice", { multiplex });
    await Promise.all([connects(newer, "bob"), disconnects(older, "bob"), again]);
    await talks(newer, bob);
    bob.join("doc"); // introduces bob to both tabs
    await talks(newer, bob);
    assertEquals([fights, older.has("bob"), newer.has("bob")], [0, false, true]);
  });

  Deno.test(`lost peers: a page that is loaded again while the old one lingers is met again, ${way}`, async () => {
    await using relay = await RelayStage.start();
    await using bob = client(relay, "bob", { multiplex });
    await using old = client(relay, "alice", { multiplex });
    await Promise.all([connects(old, "bob"), connects(bob, "alice")]);
    await talks(old, bob);
    for (const path of ["/introduction/alice", "/connection/alice/"]) relay.cable.freeze(path); // nobody can know
    const again = connects(bob, "alice");
    await using fresh = client(relay, "alice", { multiplex });
    await Promise.all([connects(fresh, "bob"), again]);
    await talks(fresh, bob);
    relay.cable.cut("");
  });
}

/** A client that is interested in "doc". */
function client(relay: RelayStage, userName: string, options: Partial<ClientOptions> = {}): Client {
  return new Client({ userName, url: relay.url, documentIds: ["doc"], minRetryDelay: 50, ...options });
}

async function connects(client: Client, peer: string): Promise<void> {
  await within(
    new Promise<void>((resolve) => {
      client.on("peer.connect", ({ userName }) => userName === peer && resolve());
    }),
    `${client.userName} to be connected to ${peer}`,
  );
}

async function disconnects(client: Client, peer: string): Promise<void> {
  await within(
    new Promise<void>((resolve) => {
      client.on("peer.disconnect", ({ userName }) => userName === peer && resolve());
    }),
    `${client.userName} to be disconnected from ${peer}`,
  );
}

/** What each says reaches the other. */
async function talks(a: Client, b: Client): Promise<void> {
  const heard = Promise.all([hears(a, b), hears(b, a)]);
  a.get(b.userName, "doc")!.write("from a");
  b.get(a.userName, "doc")!.write("from b");
  assertEquals(await within(heard, "both to hear each other"), ["from b", "from a"]);
}

async function hears(client: Client, { userName }: Client): Promise<unknown> {
  return await new Promise((resolve) => client.get(userName, "doc")!.on("data", resolve));
}
