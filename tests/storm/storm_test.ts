/** The storm in its short form: fifty pairs at once and more in streams, several hundred in all, on every variant. */

import { assert } from "@std/assert";
import { withProgram } from "../helpers/programs.ts";
import { VARIANTS } from "../helpers/transports.ts";
import { storm, type StormOptions } from "./storm.ts";

for (const variant of VARIANTS) {
  Deno.test(`${variant.name}: no byte is wrong, and nothing is lost that nobody hears of, however pairs talk and end`, async () => {
    await pass({ variant, instances: 1, pairs: 50, meetings: 6, seconds: 2, seed: 3 });
  });
}

withProgram("nats-server", () => {
  // What crosses between instances knows nothing of TLS; `deno task storm --instances 2` has it, too.
  for (const variant of VARIANTS.filter(({ isTls }) => !isTls)) {
    Deno.test(`${variant.name}: the same over two instances, with every second pair on both`, async () => {
      await pass({ variant, instances: 2, pairs: 30, meetings: 4, seconds: 3, seed: 5 });
    });
  }
});

async function pass(options: StormOptions): Promise<void> {
  const { departures, messages } = await storm(options);
  const { streams = [], sockets = [] } = Object.groupBy(Object.keys(departures), (how) => {
    return how.includes(":") ? "streams" : "sockets";
  });
  const isBroad = sockets.length >= 5 && streams.length >= 3;
  assert(isBroad && messages > 1_000, Deno.inspect({ departures, messages }));
}
