/** How the process is made to ask the system for events. */

import { assertEquals } from "@std/assert";
import { systemClock } from "../../../src/server/core/clock.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { FakeClock } from "../../helpers/fakes.ts";

Deno.test("a poll that is not open goes by a timer, for all who wait together", () => {
  const clock = new FakeClock();
  const poll = new Poll(clock);
  const heard: string[] = [];
  poll.after(() => heard.push("one"));
  poll.after(() => heard.push("two"));
  assertEquals([heard, clock.pending], [[], 1]);
  clock.pass(LIMITS.pollMs);
  assertEquals([heard, clock.pending], [["one", "two"], 0]);
});

Deno.test("a poll that is open takes no timer, and runs what asks again in a later turn", async () => {
  const poll = new Poll(systemClock);
  await poll.open();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    poll.after(() => {
      poll.after(() => resolve());
      setImmediate(() => order.push("a turn between"));
    });
  });
  poll.close();
  assertEquals(order, ["a turn between"]);
});

Deno.test("a poll that is closed while it opens keeps nothing open", async () => {
  const poll = new Poll(systemClock);
  const opened = poll.open();
  poll.close();
  await opened;
});

Deno.test("what waits when a poll is closed is run all the same", async () => {
  const poll = new Poll(systemClock);
  await poll.open();
  const ran = new Promise<void>((resolve) => poll.after(resolve));
  poll.close();
  await ran;
});
