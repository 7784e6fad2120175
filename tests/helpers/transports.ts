/** Which transports there are to test: every test of behaviour runs on each. */

import { checkRuntime } from "../../src/server/transport/tcp/transport.ts";

/** The transports that this runtime can carry: an old Deno cannot carry `tcp`. */
export const TRANSPORTS: readonly ("deno" | "tcp")[] = canCarryTcp() ? ["deno", "tcp"] : ["deno"];

/** For tests of `tcp` alone: left out where it cannot be had. */
export const WITH_TCP = { ignore: !canCarryTcp() };

function canCarryTcp(): boolean {
  try {
    checkRuntime(Deno.version.deno);
    return true;
  } catch {
    return false;
  }
}
