/** What the platform gives a client. */

import { assertEquals } from "@std/assert";
import { platform } from "../../src/client/environment.ts";

Deno.test("environment: a timer for longer than platforms know, which would fire at once, is one for as long as they do", () => {
  const { setTimeout } = globalThis;
  const set: unknown[] = [];
  const note = (_: unknown, milliseconds: number) => set.push(milliseconds);
  Object.assign(globalThis, { setTimeout: note });
  try {
    for (const milliseconds of [5, 2 ** 53, Infinity]) platform().after(milliseconds, () => {});
  } finally {
    Object.assign(globalThis, { setTimeout });
  }
  assertEquals(set, [5, 2 ** 31 - 1, 2 ** 31 - 1]);
});
