/** Who sends to another instance, and in which turn. */

import { assertEquals, assertThrows } from "@std/assert";
import { Neighbor } from "../../../src/server/backplane/pairing/neighbor.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";

Deno.test("a sender that fails does not keep the others from their turn", () => {
  const neighbor = new Neighbor("other");
  const failing = { sendNext: () => fail() };
  assertThrows(() => neighbor.queue(failing), Error, "cannot send");
  const sent: string[] = [];
  neighbor.queue({ sendNext: () => sent.push("something") > 1 });
  assertEquals(sent, ["something"]);
});

Deno.test("past what may be under way, everybody waits until something has arrived", () => {
  const neighbor = new Neighbor("other");
  const sent: string[] = [];
  neighbor.sent(LIMITS.windowBytes);
  neighbor.queue({ sendNext: () => sent.push("something") > 1 });
  assertEquals(sent, []);
  neighbor.received(1);
  assertEquals(sent, ["something"]);
});

function fail(): never {
  throw new Error("cannot send");
}
