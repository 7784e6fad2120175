/** Who is taken for gone, on time and late. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Liveness } from "../../src/server/transport/liveness.ts";
import { FakeClock } from "../helpers/fakes.ts";

const IDLE_MS = 30_000;

function setUp() {
  const clock = new FakeClock();
  const liveness = new Liveness(clock);
  const judgeAfter = (ms: number, backlog = 0, taken = 0) => {
    clock.pass(ms);
    return liveness.judge({ idleMs: IDLE_MS, backlog, taken });
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
    liveness.heard();
    assertEquals([judgeAfter(7_500), judgeAfter(7_500), judgeAfter(7_500)], ["alive", "alive", "silent"]);
  }
});

Deno.test("a sign right after a look does not make a peer live longer than the idle time", () => {
  const { liveness, judgeAfter } = setUp();
  liveness.heard();
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

Deno.test("who is closed has longer for what the network took and it may not have read, but not longer than a minute", () => {
  const unread = [[10 * LIMITS.slowReaderBytes, LIMITS.closeAnswerMs + 10_000], [100 * 2 ** 20, LIMITS.stalledMs]];
  for (const [taken, ms] of unread) {
    const { liveness, judgeAfter } = setUp();
    liveness.closing();
    assertEquals([judgeAfter(ms - 1, 0, taken), judgeAfter(1, 0, taken)], ["alive", "dead"]);
  }
});

Deno.test("who has not taken what waits for it has longer", () => {
  const { judgeAfter } = setUp();
  assertEquals([judgeAfter(LIMITS.stalledMs - 1, 1), judgeAfter(1, 1)], ["silent", "dead"]);
});

Deno.test("who takes nothing of what waits for it is dead, whatever it sends meanwhile, and whoever takes a little is not", () => {
  for (const [sign, expected] of [["heard", "dead"], ["took", "alive"]] as const) {
    const { liveness, judgeAfter } = setUp();
    assertEquals(judgeAfter(LIMITS.stalledMs, 0) === "silent", true);
    liveness.took();
    judgeAfter(0, 1);
    for (let passed = 0; passed < LIMITS.stalledMs; passed += 10_000) {
      liveness[sign]();
      const judgement = judgeAfter(10_000, 1);
      if (passed + 10_000 >= LIMITS.stalledMs) assertEquals(judgement, expected);
    }
  }
});

Deno.test("who is closed and goes on sending is dead, and whoever still takes what was sent before has its time after that", () => {
  const { liveness, judgeAfter } = setUp();
  liveness.closing();
  for (let i = 0; i < 5; i++) {
    liveness.took();
    assertEquals(judgeAfter(LIMITS.closeAnswerMs, 1), "alive");
  }
  liveness.heard();
  assertEquals(judgeAfter(LIMITS.closeAnswerMs - 1), "alive");
  liveness.heard();
  assertEquals(judgeAfter(1), "dead");
});
