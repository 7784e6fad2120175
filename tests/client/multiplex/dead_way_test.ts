/** A way to a real relay on which nothing passes any more, and no end hears so: its client notices, and finds another. */

import { assert, assertEquals } from "@std/assert";
import { Client } from "../../../src/client/mod.ts";
import { FakeClock } from "../../helpers/fakes.ts";
import { within } from "../../helpers/process.ts";
import { TRANSPORTS } from "../../helpers/transports.ts";
import { timedBy } from "../client_time.ts";
import { diary } from "../fake_relay.ts";
import { RelayStage } from "../stage.ts";

for (const transport of TRANSPORTS) {
  Deno.test(`multiplex: a way that takes everything and passes nothing on is noticed within 45 s, and healed, on ${transport}`, async () => {
    await using relay = await RelayStage.start(["--transport", transport]);
    const clock = new FakeClock();
    const shared = { url: relay.url, documentIds: ["doc"], minRetryDelay: 50 };
    await using alice = new Client({ ...shared, userName: "alice" }, timedBy(clock));
    await using bob = new Client({ ...shared, userName: "bob" });
    // Or else the end of this test would wait, in a time that nobody lets pass, for a socket that cannot close.
    using _knife = { [Symbol.dispose]: () => relay.cable.cut() };
    await within(Promise.all([met(alice), met(bob)]), "them to meet");
    await talk(alice, bob);
    const told = diary(alice);
    relay.cable.freeze("/introduction/alice");
    const start = clock.now();
    alice.get("bob", "doc")!.write("nobody hears this");
    while (alice.open) await pass(clock, 1000);
    assert(clock.now() - start <= 45_000, `it took ${clock.now() - start} ms`);
    const address = `${relay.url}/introduction/alice`;
    assertEquals(told, [
      `error Connection to ${address} failed: the relay does not answer any more`,
      "peer.disconnect bob doc",
      "server.disconnect",
    ]);
    const healed = Promise.all([met(alice), met(bob)]);
    await pass(clock, 50); // the longest wait before the first try
    await within(healed, "them to meet again");
    await talk(alice, bob);
  });
}

/** Lets time pass, and what follows from it happen. */
async function pass(clock: FakeClock, milliseconds: number): Promise<void> {
  clock.pass(milliseconds);
  await new Promise((resolve) => setTimeout(resolve));
}

function met(client: Client): Promise<unknown> {
  return new Promise((resolve) => client.once("peer.connect", resolve));
}

/** Each hears the other, and so both know that they are joined. */
async function talk(alice: Client, bob: Client): Promise<void> {
  const sockets = [alice.get("bob", "doc")!, bob.get("alice", "doc")!];
  const heard = sockets.map((socket) => new Promise((resolve) => socket.on("data", resolve)));
  for (const socket of sockets) socket.write("hello");
  await within(Promise.all(heard), "both to hear the other");
}
