/**
 * What a relay must be rid of when all its peers are gone.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Server } from "../../src/server/mod.ts";

/** Fails if a server that was closed still counts anything as there. */
export function assertNothingLeft({ status }: Server): void {
  const { connections, streams, peers, documents, seekers, pairs, bufferedBytes, backplane } = status;
  const counts = { connections, streams, peers, documents, seekers, pairs, bufferedBytes };
  const left = { ...counts, remotePairs: backplane?.remotePairs ?? 0 };
  for (const [what, count] of Object.entries(left)) assertEquals(count, 0, what);
}
