/** Whom a relay takes for gone, from its introductions on. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { HeldRelay } from "../helpers/held_relay.ts";

Deno.test("a visitor who is gone at once does not keep who was introduced to it waiting", async () => {
  const relay = await HeldRelay.start();
  const [alice, visitor] = [relay.open("/introduction/alice"), relay.open("/introduction/visitor")];
  for (const peer of [alice, visitor]) peer.say({ type: "Join", join: ["doc"] });
  visitor.vanish({ code: 1000 });
  const connection = relay.open("/connection/alice/visitor/doc");
  relay.clock.pass(LIMITS.remindFirstMs + LIMITS.ghostMs);
  assertEquals(connection.closedWith, CLOSE.noReciprocal);
});

Deno.test("who has left the document is gone, who only lost one of two sockets is not", async () => {
  const relay = await HeldRelay.start();
  const [alice, bob, carol, again] = ["alice", "bob", "carol", "carol"].map((id) => relay.open(`/introduction/${id}`));
  for (const peer of [alice, bob, carol, again]) peer.say({ type: "Join", join: ["doc"] });
  bob.say({ type: "Leave", leave: ["doc"] });
  carol.vanish();
  const [toBob, toCarol] = ["bob", "carol"].map((id) => relay.open(`/connection/alice/${id}/doc`));
  relay.clock.pass(500_000);
  assertEquals([toBob.closedWith, toCarol.closedWith], [CLOSE.noReciprocal, undefined]);
});

Deno.test("a relay that drains takes nobody for gone: all its peers are leaving", async () => {
  const relay = await HeldRelay.start();
  const [alice, bob] = ["alice", "bob"].map((id) => relay.open(`/introduction/${id}`));
  for (const peer of [alice, bob]) peer.say({ type: "Join", join: ["doc"] });
  const connection = relay.open("/connection/alice/bob/doc");
  relay.server.drain(600);
  for (const peer of [alice, bob]) peer.vanish({ code: 1012 });
  relay.clock.pass(500_000);
  assertEquals(connection.closedWith, undefined);
});
