/** The soak in its short form: 150 peers on 600 sockets, 2,000 actions a round; and fewer on instances that fail. */

import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../helpers/programs.ts";
import { VARIANTS } from "../helpers/transports.ts";
import { soak } from "./soak.ts";

/** TLS of the default transport is the runtime's own. */
for (const variant of VARIANTS.filter(({ transport, isTls }) => transport === "tcp" || !isTls)) {
  const { name } = variant;
  Deno.test(`${name}: 150 peers of every dialect join, connect, talk, drop and send garbage; nothing is lost or left`, async () => {
    // A machine that is busy takes longer, and does all the same: in a part of the steps the rarest may be missing.
    const options = { variant, peers: 150, steps: 2_000, seconds: 60, seed: 4, instances: 1, streams: 0.3 };
    const { actions } = await soak(options);
    assertEquals(Object.keys(actions).length, 12, "every action happened");
  });

  withProgram("nats-server", () => {
    Deno.test(`${name}: the same over three instances, which die and freeze, as does NATS between them`, async () => {
      const options = { variant, peers: 60, steps: 100_000, seconds: 4, seed: 7, instances: 3, streams: 0.5 };
      // A short warm-up does not bring about all that an instance allocates once; the long form is strict.
      const memoryMargin = 1.5;
      const { failures, remotePairsAtRest, mib } = await soak({ ...options, memoryMargin });
      assertEquals(Object.keys(failures).length, 4, "every failure happened");
      assert(remotePairsAtRest > 0 && mib.length > 0);
    });
  });
}
