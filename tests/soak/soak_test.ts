/** The soak in its short form: 200 peers on 800 sockets, 3,000 actions a round. */

import { assertEquals } from "@std/assert";
import { soak } from "./soak.ts";
import { TRANSPORTS } from "../helpers/transports.ts";

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: 200 peers join, connect, talk, drop and send garbage; nothing is lost or left`, async () => {
    const { actions } = await soak({ transport, peers: 200, steps: 3_000, seconds: 8, seed: 4 });
    assertEquals(Object.keys(actions).length, 12, "every action happened");
  });
}
