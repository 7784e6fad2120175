import { assertEquals } from "@std/assert";
import { Deadlines } from "../../src/server/core/deadlines.ts";
import { FakeClock } from "../helpers/fakes.ts";

const MS = 1_000;

function setUp() {
  const clock = new FakeClock();
  const expired: string[] = [];
  const deadlines = new Deadlines<string>({ clock, ms: MS, expired: (item) => expired.push(item) });
  return { clock, expired, deadlines };
}

Deno.test("what is not done expires when its own time is over, and not before", () => {
  const { clock, expired, deadlines } = setUp();
  deadlines.start("first");
  clock.pass(400);
  deadlines.start("second");
  clock.pass(MS - 401);
  assertEquals(expired, []);
  clock.pass(1);
  assertEquals(expired, ["first"]);
  clock.pass(399);
  assertEquals(expired, ["first"]);
  clock.pass(1);
  assertEquals(expired, ["first", "second"]);
});

Deno.test("what is done does not expire, what starts again has all its time again", () => {
  const { clock, expired, deadlines } = setUp();
  for (const item of ["done", "again", "late"]) deadlines.start(item);
  clock.pass(600);
  deadlines.stop("done");
  deadlines.start("again");
  clock.pass(400);
  assertEquals(expired, ["late"]);
  clock.pass(599);
  assertEquals(expired, ["late"]);
  clock.pass(1);
  assertEquals(expired, ["late", "again"]);
});

Deno.test("one timer is enough for all, none is left when all is done, and it begins anew", () => {
  const { clock, expired, deadlines } = setUp();
  for (const item of ["a", "b", "c"]) deadlines.start(item);
  assertEquals(clock.pending, 1);
  clock.pass(MS);
  assertEquals([clock.pending, expired], [0, ["a", "b", "c"]]);
  deadlines.start("d");
  deadlines.close();
  assertEquals(clock.pending, 0);
});

Deno.test("in a process that stood still nothing expires, and all have their time again", () => {
  const { clock, expired, deadlines } = setUp();
  deadlines.start("early");
  clock.pass(400);
  deadlines.start("late");
  clock.block(12_000);
  clock.pass(MS - 1);
  assertEquals(expired, []);
  clock.pass(1);
  assertEquals([expired, clock.pending], [["early", "late"], 0]);
});
