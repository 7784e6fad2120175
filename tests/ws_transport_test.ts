import { assertThrows } from "@std/assert";
import { ConfigError } from "../src/server/config.ts";
import { checkRuntime } from "../src/server/ws_transport.ts";

Deno.test("a runtime that is too old for the ws transport is refused in one sentence", () => {
  for (const version of ["2.8.0", "2.10.1", "3.0.0"]) checkRuntime(version);
  for (const version of ["2.5.0", "2.7.14", "1.46.3"]) {
    const sentence = `Cannot use --transport ws: want Deno 2.8 or newer, got ${version}.`;
    assertThrows(() => checkRuntime(version), ConfigError, sentence);
  }
});
