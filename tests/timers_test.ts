/** The timers of server and client, where the thread was busy when they fell due. */

import { assertEquals } from "@std/assert";
import { platform } from "../src/client/environment.ts";
import { systemClock } from "../src/server/core/clock.ts";

const ROUNDS = 20;

const AFTER = {
  server(ms: number, action: () => void) {
    const timer = systemClock.after(ms, action);
    return () => timer.cancel();
  },
  client: platform().after,
};

for (const [side, after] of Object.entries(AFTER)) {
  Deno.test(`timers of the ${side}: one that is cancelled does not run, not even if it is due`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const there = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const here = await listener.accept();
    const late: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      let isCancelled = false;
      const cancel = after(2, () => isCancelled && late.push(round));
      const last = new Promise<void>((resolve) => after(6, resolve));
      const read = here.read(new Uint8Array(1));
      await there.write(new Uint8Array(1));
      // The runtime then finds both ready, what is read and the timer. An old one begins with what is read.
      block(4);
      await read;
      isCancelled = true;
      cancel();
      await last;
    }
    for (const resource of [listener, there, here]) resource.close();
    assertEquals(late, []);
  });
}

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}
