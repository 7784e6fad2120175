import { assertEquals } from "@std/assert";
import { Insistence } from "../../src/client/link/insistence.ts";

/** Whether each of these introductions, by its time in seconds, is to be followed. */
function followed(...seconds: number[]): boolean[] {
  const insistence = new Insistence();
  return seconds.map((second) => insistence.heard(second * 1000));
}

Deno.test("insistence: a peer that waits is followed at its second reminder", () => {
  assertEquals(followed(0, 2, 17, 32), [false, false, true, true]);
  assertEquals(followed(0, 2, 19.5), [false, false, true], "a late one counts");
});

Deno.test("insistence: joins are not followed, be they in bursts, random or regular", () => {
  assertEquals(followed(0, 0.1, 0.4, 1, 2, 3.5, 6).includes(true), false);
  assertEquals(followed(0, 25, 50, 75, 100).includes(true), false);
  for (const period of [1, 5, 10, 20, 30, 60]) {
    assertEquals(
      followed(...Array.from({ length: 50 }, (_, i) => i * period)).includes(true),
      false,
      `every ${period} s`,
    );
  }
});

Deno.test("insistence: a sign of life ends it", () => {
  const insistence = new Insistence();
  insistence.heard(0);
  insistence.heard(2000);
  insistence.reset();
  assertEquals(insistence.heard(17_000), false);
});
