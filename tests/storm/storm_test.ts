/** The storm in its short form: a hundred pairs at once and sixty in streams, several hundred in all, on every variant. */

import { assert } from "@std/assert";
import { VARIANTS } from "../helpers/transports.ts";
import { storm } from "./storm.ts";

for (const variant of VARIANTS) {
  Deno.test(`${variant.name}: no byte is wrong, and nothing is lost that nobody hears of, however pairs talk and end`, async () => {
    const { departures, messages } = await storm({
      variant,
      instances: 1,
      pairs: 100,
      meetings: 10,
      seconds: 4,
      seed: 3,
    });
    const { streams = [], sockets = [] } = Object.groupBy(Object.keys(departures), (how) => {
      return how.includes(":") ? "streams" : "sockets";
    });
    const isBroad = sockets.length >= 5 && streams.length >= 3;
    assert(isBroad && messages > 1_000, Deno.inspect({ departures, messages }));
  });
}
