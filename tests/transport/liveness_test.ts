/** Who is taken for gone, on time and late. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Liveness } from "../../src/server/transport/liveness.ts";
import { FakeClock } from "../helpers/fakes.ts";

const IDLE_MS = 30_000;

function setUp() {
  const clock = new FakeClock();
  const liveness = new Liveness(clock);
  const judgeAfter = (ms: number, backlog = 0) => {
    clock.pass(ms);
    return liveness.judge({ idleMs: IDLE_MS, backlog });
  };
  return { clock, liveness, judgeAfter };
}

Deno.test("who says nothing is pinged after half of the idle time, and dead without an answer within it", () => {
  const { judgeAfter } = setUp();
  assertEquals([judgeAfter(7_500), judgeAfter(7_500), judgeAfter(7_500)], ["alive", "silent", "dead"]);
});

Deno.test("who answers a ping lives on", () => {
  const { liveness, judgeAfter } = setUp();
  for (let round = 0; round < 5; round++) {
    liveness.sign();
    assertEquals([judgeAfter(7_500), judgeAfter(7_500), judgeAfter(7_500)], ["alive", "alive", "silent"]);
  }
});

Deno.test("a sign right after a look does not make a peer live longer than the idle time", () => {
  const { liveness, judgeAfter } = setUp();
  liveness.sign();
  const judgements = [1, 2, 3, 4].map(() => judgeAfter(IDLE_MS / 4));
  assertEquals(judgements, ["alive", "alive", "silent", "dead"]);
});

Deno.test("nobody is dead who was not pinged, however late the look", () => {
  const { judgeAfter } = setUp();
  assertEquals([judgeAfter(14_900), judgeAfter(60_000), judgeAfter(7_500)], ["alive", "silent", "dead"]);
});

Deno.test("who is closed has a time of its own to answer", () => {
  const { liveness, judgeAfter } = setUp();
  assertEquals(judgeAfter(15_000), "silent");
  liveness.closing();
  assertEquals([judgeAfter(LIMITS.closeAnswerMs - 1), judgeAfter(1)], ["alive", "dead"]);
});

Deno.test("who has not taken what waits for it has longer", () => {
  const { judgeAfter } = setUp();
  assertEquals([judgeAfter(LIMITS.stalledMs - 1, 1), judgeAfter(1, 1)], ["silent", "dead"]);
});
