/** Long work in slices, and work of one kind in line. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { WorkQueue } from "../../../src/server/core/scheduling/work_queue.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { type Steps, WorkScheduler } from "../../../src/server/core/scheduling/work_scheduler.ts";
import { FakeClock } from "../../helpers/fakes.ts";

const TICK_MS = 0.1;

function* steps(count: number, done: () => void): Steps {
  for (let i = 0; i < count; i++) yield;
  done();
}

const ignore = () => {};

Deno.test("short work is done at once, and leaves no timer behind", () => {
  const clock = new FakeClock();
  const done: string[] = [];
  new WorkScheduler(clock, new Poll(clock)).run(steps(10, () => done.push("short")), ignore);
  assertEquals([done, clock.pending], [["short"], 0]);
});

Deno.test("a turn takes no longer than a slice, whatever there is to do; the rest is for later turns", () => {
  const clock = new FakeClock();
  clock.tickMs = TICK_MS;
  const scheduler = new WorkScheduler(clock, new Poll(clock));
  const done: string[] = [];
  for (let i = 0; i < 20; i++) scheduler.run(steps(100, () => done.push("long")), ignore);
  for (; clock.pending > 0;) {
    const startedAt = clock.now();
    clock.pass(LIMITS.pollMs);
    assertEquals(clock.now() - startedAt < LIMITS.pollMs + LIMITS.sliceMs + LIMITS.sliceShareMs, true);
  }
  assertEquals(done.length, 20);
});

Deno.test("who has little to do does not wait for those who have much", () => {
  const clock = new FakeClock();
  clock.tickMs = TICK_MS;
  const scheduler = new WorkScheduler(clock, new Poll(clock));
  const done: string[] = [];
  for (let i = 0; i < 3; i++) scheduler.run(steps(10_000, () => done.push("long")), ignore);
  scheduler.run(steps(1, () => done.push("short")), ignore);
  // Each of the four has its share in two slices.
  for (let i = 0; i < 2; i++) clock.pass(LIMITS.pollMs);
  assertEquals(done, ["short"]);
});

Deno.test("what comes last waits for all else, but not for long", () => {
  const clock = new FakeClock();
  clock.tickMs = TICK_MS;
  const scheduler = new WorkScheduler(clock, new Poll(clock));
  const done: string[] = [];
  scheduler.runLast(steps(1, () => done.push("at once")), ignore);
  assertEquals(done, ["at once"]);
  scheduler.run(steps(100, () => done.push("all else")), ignore);
  scheduler.runLast(steps(1, () => done.push("last")), ignore);
  scheduler.run(steps(10_000, () => done.push("never")), ignore);
  const startedAt = clock.now();
  while (!done.includes("last")) clock.pass(LIMITS.pollMs);
  const waitedMs = clock.now() - startedAt;
  assertEquals(waitedMs > LIMITS.sliceMs && waitedMs < LIMITS.gatherMs * 2, true, `${waitedMs} ms`);
});

Deno.test("what fails tells so, and keeps nobody else from its turn", () => {
  const clock = new FakeClock();
  const scheduler = new WorkScheduler(clock, new Poll(clock));
  const told: unknown[] = [];
  scheduler.run(
    steps(1, () => {
      throw "this";
    }),
    (error) => told.push(error),
  );
  scheduler.run(steps(1, () => told.push("that")), ignore);
  assertEquals(told, ["this", "that"]);
});

Deno.test("work of one kind is done in order, also what is added meanwhile, and one that fails is passed over", () => {
  const clock = new FakeClock();
  const done: unknown[] = [];
  const queue = new WorkQueue<number>({
    scheduler: new WorkScheduler(clock, new Poll(clock)),
    failed: (error) => done.push(error),
    work: function* (item) {
      if (item === 2) throw "two";
      if (item === 1) { for (let i = 2; i < 3_000; i++) queue.push(i); }
      yield;
      done.push(item);
    },
  });
  queue.push(1);
  queue.push(3_000);
  assertEquals(done, [1, "two", ...Array.from({ length: 2_998 }, (_, i) => i + 3)]);
});
