import { assertEquals } from "@std/assert";
import { CLOSE } from "../src/protocol.ts";
import { LIMITS } from "../src/server/core/limits.ts";
import { drain } from "../src/server/drain.ts";
import { FakeClock, FakeSocket } from "./helpers/fakes.ts";

const NEVER = new Promise<void>(() => {});

function house(introductions: FakeSocket[], pairs: FakeSocket[]) {
  const emptied = Promise.withResolvers<void>();
  const clock = new FakeClock();
  const drained = {
    introductions: () => introductions,
    sockets: () => [...introductions, ...pairs],
    emptied: () => emptied.promise,
  };
  return { clock, drained, empty: () => emptied.resolve() };
}

/** Lets promises that are settled run on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("introduction sockets close at random moments of the first half, pairs at the end", async () => {
  const introductions = Array.from({ length: 100 }, () => new FakeSocket());
  const pairs = [new FakeSocket(), new FakeSocket()];
  const { clock, drained, empty } = house(introductions, pairs);
  const closed = () => introductions.filter(({ closedWith }) => closedWith === CLOSE.restarting).length;
  const drainage = drain(drained, 10, { clock, hurry: NEVER });
  assertEquals(closed(), 0);
  clock.pass(2_500);
  const atQuarter = closed();
  assertEquals(atQuarter > 20 && atQuarter < 80, true, `${atQuarter} of 100 closed in half of the time`);
  clock.pass(2_500);
  assertEquals([closed(), pairs[0].closedWith], [100, undefined]);
  clock.pass(5_000);
  await settle();
  assertEquals(pairs.map(({ closedWith }) => closedWith), [CLOSE.restarting, CLOSE.restarting]);
  empty();
  await drainage;
  assertEquals(clock.pending, 0);
});

Deno.test("when all sockets are gone it does not wait any longer", async () => {
  const { clock, drained, empty } = house([], []);
  const drainage = drain(drained, 10, { clock, hurry: NEVER });
  empty();
  await drainage;
  assertEquals([clock.now(), clock.pending], [0, 0]);
});

Deno.test("a socket that never answers its close does not hold the relay up: all is over in time", async () => {
  const pair = new FakeSocket();
  const { clock, drained } = house([], [pair]);
  const drainage = drain(drained, 10, { clock, hurry: NEVER });
  clock.pass(10_000 - LIMITS.endMs - 1);
  assertEquals(pair.closedWith, undefined);
  clock.pass(1);
  await settle();
  assertEquals(pair.closedWith, CLOSE.restarting);
  clock.pass(LIMITS.closeMs);
  await drainage;
  // What the relay does after that has bounds of its own.
  assertEquals(clock.now() + LIMITS.shutdownMs + LIMITS.flushMs <= 10_000, true);
});

Deno.test("whoever is in a hurry does not wait for the drain time", async () => {
  const pair = new FakeSocket();
  const { clock, drained, empty } = house([], [pair]);
  const hurry = Promise.withResolvers<void>();
  const drainage = drain(drained, 10, { clock, hurry: hurry.promise });
  hurry.resolve();
  await settle();
  assertEquals(pair.closedWith, CLOSE.restarting);
  empty();
  await drainage;
});
