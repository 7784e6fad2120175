import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { DEFAULT_BACKOFF, drawDelay, longestDelay } from "../../src/client/link/reconnect.ts";
import { Retry } from "../../src/client/link/retry.ts";
import { FakeRelay } from "./fake_relay.ts";
import { chance } from "./chance.ts";

Deno.test("reconnect: the longest delay doubles from 500 ms and stops at 30 s", () => {
  const delays = Array.from({ length: 9 }, (_, failures) => longestDelay(failures, DEFAULT_BACKOFF));
  assertEquals(delays, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assertEquals(longestDelay(5000, DEFAULT_BACKOFF), 30_000); // 2 ** 5000 is Infinity
});

Deno.test("reconnect: a delay is anything up to the longest", () => {
  assertEquals(drawDelay(3, DEFAULT_BACKOFF, () => 0), 0);
  assertEquals(drawDelay(3, DEFAULT_BACKOFF, () => 0.5), 2000);
});

Deno.test("reconnect: a hundred clients that were dropped together come back spread evenly", () => {
  const random = chance(1);
  const delays = Array.from({ length: 100 }, () => drawDelay(4, DEFAULT_BACKOFF, random)).sort((a, b) => a - b);
  assertAlmostEquals(delays.reduce((sum, delay) => sum + delay) / 100, 4000, 500);
  assert(mostWithin(800, delays) <= 20, "no tenth of the time sees a fifth of them");
});

Deno.test("retry: failures add up, and are forgotten after 5 s of being open, not before", () => {
  const relay = new FakeRelay();
  const retry = new Retry(DEFAULT_BACKOFF, relay.environment, () => {});
  for (let i = 0; i < 3; i++) retry.failed();
  assertEquals(retry.longestDelay, 4000);
  retry.succeeded();
  relay.clock.pass(4999);
  assertEquals(retry.longestDelay, 4000);
  relay.clock.pass(1);
  assertEquals(retry.longestDelay, 500);
});

Deno.test("retry: one that opens for a moment only does not start afresh", () => {
  const relay = new FakeRelay();
  let tries = 0;
  const retry = new Retry(DEFAULT_BACKOFF, relay.environment, () => tries++);
  for (let i = 0; i < 4; i++) {
    retry.succeeded();
    relay.clock.pass(1000);
    retry.failed();
  }
  assertEquals(retry.longestDelay, 8000);
  relay.clock.pass(8000);
  assertEquals(tries, 1);
  assertEquals(relay.clock.pending, 0);
});

/** The largest number of delays in any interval of this length. */
function mostWithin(interval: number, delays: number[]): number {
  return Math.max(
    ...delays.map((start) => delays.filter((delay) => delay >= start && delay < start + interval).length),
  );
}
