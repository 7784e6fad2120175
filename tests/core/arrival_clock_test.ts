/** When peers asked for something, where the relay stands still now and then. */

import { assertEquals } from "@std/assert";
import { ArrivalClock } from "../../src/server/core/arrival_clock.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { FakeClock } from "../helpers/fakes.ts";

/** A clock without timers stands still for as long as it jumps. */
class JumpingClock extends FakeClock {
  jumped = 0;

  override now(): number {
    return super.now() + this.jumped;
  }
}

Deno.test("what is read first after a stand-still came before it; what is read later came now", () => {
  const clock = new JumpingClock();
  const arrivals = new ArrivalClock(clock, () => 1_000_000 + clock.now());
  arrivals.open();
  clock.pass(LIMITS.loopLookMs * 20);
  const before = arrivals.now();
  assertEquals(before, 1_000_000 + clock.now(), "an idle relay has not stood still");
  clock.jumped += 5_000;
  assertEquals(arrivals.now(), before, "before its timer says so");
  clock.pass(LIMITS.readLateMs / 2);
  assertEquals(arrivals.now(), before, "and after");
  clock.pass(LIMITS.readLateMs / 2);
  assertEquals(arrivals.now(), 1_000_000 + clock.now());
  arrivals.close();
});

Deno.test("a relay that is only busy reads what has just come", () => {
  const clock = new JumpingClock();
  const arrivals = new ArrivalClock(clock, () => clock.now());
  arrivals.open();
  clock.pass(LIMITS.loopLookMs);
  clock.jumped += LIMITS.standstillMs - 1;
  assertEquals(arrivals.now(), clock.now());
  arrivals.close();
  clock.jumped += 5_000;
  assertEquals(arrivals.now(), clock.now(), "nobody watches any more");
});
