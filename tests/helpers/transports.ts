/** Which transports there are to test: every test of behaviour runs on each. */

import { checkRuntime } from "../../src/server/transport/tcp/transport.ts";

/** The transports that this runtime can carry: an old Deno cannot carry `ws`. */
export const TRANSPORTS: readonly ("deno" | "ws")[] = canCarryWs() ? ["deno", "ws"] : ["deno"];

/** For tests of `ws` alone: left out where it cannot be had. */
export const WITH_WS = { ignore: !canCarryWs() };

function canCarryWs(): boolean {
  try {
    checkRuntime(Deno.version.deno);
    return true;
  } catch {
    return false;
  }
}
