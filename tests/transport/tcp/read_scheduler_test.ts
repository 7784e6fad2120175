/** Bulk is read for one connection after the other. */

import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { type BulkReader, ReadScheduler } from "../../../src/server/transport/tcp/read_scheduler.ts";
import { Turn } from "../../../src/server/transport/tcp/turn.ts";

const { large, huge } = LIMITS.readBytes;

function setUp() {
  const asked: (() => void)[] = [];
  const scheduler = new ReadScheduler(new Turn({ after: (action) => void asked.push(action) }));
  const log: string[] = [];
  const reader = (name: string, wantedBytes: number): BulkReader => ({
    wantedBytes,
    readBulk: () => void log.push(name),
    foundNothing: () => void log.push(`${name} found nothing`),
  });
  return {
    ...{ scheduler, log, reader },
    /** Until nobody waits for the system. */
    askAll: () => {
      for (let action = asked.shift(); action !== undefined; action = asked.shift()) action();
    },
    [Symbol.dispose]: () => scheduler.close(),
  };
}

Deno.test("as many read at once as there is room for, the others in the order in which they came", () => {
  using scene = setUp();
  const atOnce = Math.floor(LIMITS.bulkBytes / large);
  const readers = Array.from({ length: atOnce + 2 }, (_, i) => scene.reader(`${i}`, large));
  for (const reader of readers) scene.scheduler.enter(reader);
  assertEquals(scene.log.length, atOnce);
  for (const reader of readers.slice(0, 2)) scene.scheduler.done(reader);
  assertEquals(scene.log, readers.map((_, i) => `${i}`));
});

Deno.test("who wants more than there is room for is not overtaken", () => {
  using scene = setUp();
  const [first, all, last] = [scene.reader("first", large), scene.reader("huge", huge), scene.reader("last", large)];
  for (const reader of [first, all, last]) scene.scheduler.enter(reader);
  assertEquals(scene.log, ["first"]);
  scene.scheduler.done(first);
  assertEquals(scene.log, ["first", "huge"]);
  scene.scheduler.done(all);
  assertEquals(scene.log, ["first", "huge", "last"]);
});

Deno.test("whose read finds nothing makes room in the next turn of the event loop", async () => {
  using scene = setUp();
  const [idle, next] = [scene.reader("idle", huge), scene.reader("next", huge)];
  for (const reader of [idle, next]) scene.scheduler.enter(reader);
  assertEquals(scene.log, ["idle"]);
  // Not a timer, which may be due before the end of this one.
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(scene.log.slice(0, 3), ["idle", "idle found nothing", "next"]);
  // It ends at last: nothing is given back twice.
  scene.scheduler.done(idle);
  scene.scheduler.enter(idle);
  scene.scheduler.done(next);
  assertEquals(scene.log.filter((entry) => entry === "idle").length, 2);
});

Deno.test("thousands that leave at once are let go one after the other", () => {
  using scene = setUp();
  const { scheduler } = scene;
  const first = scene.reader("first", huge);
  scheduler.enter(first);
  let gone = 0;
  for (let i = 0; i < 20_000; i++) {
    const reader: BulkReader = {
      wantedBytes: huge,
      readBulk: () => (gone++, scheduler.done(reader)),
      foundNothing: () => {},
    };
    scheduler.enter(reader);
  }
  scheduler.done(first);
  scene.askAll();
  assertEquals(gone, 20_000);
});
