/** One thread for all connections: whatever is ready at once does not keep the system from being asked. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { systemClock } from "../../../src/server/core/clock.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { Turn } from "../../../src/server/transport/tcp/turn.ts";
import { within } from "../../helpers/process.ts";

/** A turn whose end is awaited by hand. */
function setUp() {
  const asked: (() => void)[] = [];
  const turn = new Turn({ after: (action) => void asked.push(action) });
  return { turn, asked, next: () => asked.shift()!() };
}

Deno.test("what begins after enough work waits until the system was asked, in its order", () => {
  const { turn, asked, next } = setUp();
  const log: string[] = [];
  turn.run(() => log.push("at once"));
  turn.spend(LIMITS.turnWork);
  for (const name of ["first", "second"]) turn.run(() => log.push(name));
  assertEquals([log, asked.length], [["at once"], 1]);
  next();
  assertEquals([log, asked.length], [["at once", "first", "second"], 0]);
});

Deno.test("operations cost something, too: thousands that wait begin in several turns", () => {
  const { turn, asked, next } = setUp();
  turn.spend(LIMITS.turnWork);
  let begun = 0;
  const OPERATIONS = 10_000;
  for (let i = 0; i < OPERATIONS; i++) turn.run(() => begun++);
  const most = LIMITS.turnWork / LIMITS.operationWork;
  let turns = 0;
  for (let before = 0; asked.length > 0; turns++, before = begun) {
    next();
    assertEquals(begun - before <= most, true);
  }
  assertEquals([begun, turns >= OPERATIONS / most], [OPERATIONS, true]);
});

Deno.test("the system is really asked: what another connection says is heard before an endless chain goes on", async () => {
  const poll = new Poll(systemClock);
  await poll.open();
  const turn = new Turn(poll);
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  using client = await Deno.connect({ port: listener.addr.port, hostname: "127.0.0.1" });
  using connection = await listener.accept();
  let isHeard = false;
  const heard = connection.read(new Uint8Array(1)).then(() => isHeard = true);
  await client.write(new Uint8Array(1));
  const chain = () => {
    turn.spend(LIMITS.turnWork);
    if (!isHeard) turn.run(chain);
  };
  chain();
  await within(heard, "the other connection to be heard");
  poll.close();
});

Deno.test("what is done at the end of a turn is done in order, and what that adds at the end of the next", async () => {
  const { turn } = setUp();
  const log: string[] = [];
  const done = Promise.withResolvers<void>();
  turn.atEnd(() => {
    log.push("first");
    turn.atEnd(() => (log.push("added"), done.resolve()));
  });
  turn.atEnd(() => log.push("second"));
  assertEquals(log, []);
  await within(done.promise, "the end of the next turn");
  assertEquals(log, ["first", "second", "added"]);
});
