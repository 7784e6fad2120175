/** What a relay that drains or is full says to those who still come, with sockets and time that the tests hold. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../src/protocol.ts";
import { LIMITS } from "../src/server/core/limits.ts";
import { Upgrade } from "../src/server/transport/transport.ts";
import { HeldRelay } from "./helpers/held_relay.ts";

Deno.test("a relay that drains introduces nobody and reminds nobody", async () => {
  const relay = await HeldRelay.start();
  const [alice, bob] = [relay.open("/introduction/alice"), relay.open("/introduction/bob")];
  alice.say({ type: "Join", join: ["doc"] });
  relay.open("/connection/bob/alice/doc");
  relay.server.drain(600);
  bob.say({ type: "Join", join: ["doc"] });
  relay.clock.pass(LIMITS.remindFirstMs + LIMITS.remindEveryMs);
  assertEquals([alice.sent, bob.sent], [[], []]);
});

Deno.test("who connects to a relay that drains hears 1012, a moment after the open", async () => {
  const relay = await HeldRelay.start();
  relay.server.drain(600);
  const late = relay.open("/connection/alice/bob/doc");
  relay.clock.pass(LIMITS.settleMs - 1);
  assertEquals(late.closedWith, undefined);
  relay.clock.pass(1);
  assertEquals(late.closedWith, CLOSE.restarting);
  assertEquals(relay.statusOf("/introduction/alice"), 503);
});

Deno.test("who connects to a full relay hears 1013, and takes no place", async () => {
  const relay = await HeldRelay.start({ maxConnections: 1 });
  relay.open("/introduction/alice");
  const late = relay.open("/connection/alice/bob/doc");
  relay.clock.pass(LIMITS.settleMs);
  assertEquals([late.closedWith, relay.server.status.connections], [CLOSE.full, 1]);
  assertEquals(relay.statusOf("/introduction/bob"), 503);
});

Deno.test("there are 50 sockets for that: beyond, and once they are taken, the refusal is HTTP, until one is gone", async () => {
  const relay = await HeldRelay.start({ maxConnections: 1 });
  relay.open("/introduction/alice");
  const path = (i: number) => `/connection/alice/bob/${i}`;
  const spare = Array.from({ length: LIMITS.spareConnections }, (_, i) => relay.ask(path(i)) as Upgrade);
  assertEquals([spare.every((answer) => answer instanceof Upgrade), relay.statusOf(path(50))], [true, 503]);
  spare[0].ended();
  assertEquals(relay.statusOf(path(51)), "upgraded");
});

Deno.test("who would be refused anyway is refused by HTTP, whatever else the relay is", async () => {
  const relay = await HeldRelay.start({ tokens: ["s3cret"], allowOrigins: ["https://a.example"] });
  relay.server.drain(600);
  const path = "/t/s3cret/connection/alice/bob/doc";
  assertEquals(relay.statusOf(path), "upgraded");
  assertEquals(relay.statusOf("/connection/alice/bob/doc"), 503);
  assertEquals(relay.statusOf(path, { origin: "https://b.example" }), 503);
  assertEquals(relay.statusOf(path, { "sec-websocket-version": "8" }), 503);
});
