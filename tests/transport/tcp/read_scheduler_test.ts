/** Who reads much takes turns. */

import { assertEquals, assertThrows } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { type Reader, ReadTurns } from "../../../src/server/transport/tcp/read_scheduler.ts";

const { large, huge } = LIMITS.readBytes;

function setUp() {
  const turns = new ReadTurns();
  const log: string[] = [];
  const reader = (name: string, wantedBytes: number): Reader => ({ wantedBytes, takeTurn: () => void log.push(name) });
  return { turns, log, reader };
}

Deno.test("as many read at once as fill a turn, the others in the order in which they came", () => {
  const { turns, log, reader } = setUp();
  const atOnce = Math.floor(LIMITS.turnBytes / large);
  for (let i = 0; i < atOnce + 2; i++) turns.enter(reader(`${i}`, large));
  assertEquals(log.length, atOnce);
  turns.leave(large);
  turns.leave(large);
  assertEquals(log, Array.from({ length: atOnce + 2 }, (_, i) => `${i}`));
});

Deno.test("who wants more than there is room for is not overtaken", () => {
  const { turns, log, reader } = setUp();
  turns.enter(reader("first", large));
  turns.enter(reader("huge", huge));
  turns.enter(reader("last", large));
  assertEquals(log, ["first"]);
  turns.leave(large);
  assertEquals(log, ["first", "huge"]);
  turns.leave(huge);
  assertEquals(log, ["first", "huge", "last"]);
});

Deno.test("who leaves at once lets the next in", () => {
  const { turns, log } = setUp();
  const hasty = (name: string): Reader => ({
    wantedBytes: huge,
    takeTurn: () => {
      log.push(name);
      turns.leave(huge);
    },
  });
  for (const name of ["a", "b", "c"]) turns.enter(hasty(name));
  assertEquals(log, ["a", "b", "c"]);
});

Deno.test("thousands that leave at once are let out one after the other", () => {
  const { turns, log } = setUp();
  turns.enter({ wantedBytes: huge, takeTurn: () => {} });
  for (let i = 0; i < 20_000; i++) {
    turns.enter({ wantedBytes: huge, takeTurn: () => (log.push("turn"), turns.leave(huge)) });
  }
  turns.leave(huge);
  assertEquals(log.length, 20_000);
});

Deno.test("it is closed while too much memory waits in vain", () => {
  const { turns } = setUp();
  turns.pin(LIMITS.pinnedBytes - 1);
  assertEquals(turns.isOpen, true);
  turns.pin(1);
  assertEquals(turns.isOpen, false);
  turns.pin(-1);
  assertEquals(turns.isOpen, true);
});

Deno.test("who fails in its turn does not end those of the others", () => {
  const { turns, log, reader } = setUp();
  const failing: Reader = {
    wantedBytes: large,
    takeTurn: () => {
      throw new Error("no memory");
    },
  };
  assertThrows(() => turns.enter(failing), Error, "no memory");
  turns.enter(reader("next", large));
  assertEquals(log, ["next"]);
});
