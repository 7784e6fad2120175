/** What the bus hands on of what NATS carries. */

import { assertEquals } from "@std/assert";
import { NatsBus } from "../../../src/server/backplane/bus/nats_bus.ts";
import { systemClock } from "../../../src/server/core/clock.ts";
import { Counters } from "../../../src/server/metrics/counters.ts";
import { silentLog } from "../../helpers/fakes.ts";
import { NatsServer } from "../../helpers/nats.ts";
import { Inbox, within } from "../../helpers/process.ts";
import { withProgram } from "../../helpers/programs.ts";

withProgram("nats-server", () => {
  Deno.test("a slice of what another instance says is a copy: what waits keeps nothing else that was read", async () => {
    await using nats = await NatsServer.start();
    const received = new Inbox<Received>();
    const [one, other] = await Promise.all([open(nats.url, received), open(nats.url, received)]);
    // NATS may not have heard yet that the other is there, and then says so.
    do one.send(other.self, new Uint8Array(1)); while (await received.next("a word") === "unreachable");
    for (const length of [0, 1, 2_000]) {
      one.send(other.self, new Uint8Array(length).fill(7));
      const data = await received.next("a message") as Uint8Array;
      const copy = data.slice();
      assertEquals([copy.byteLength, copy.buffer === data.buffer, copy.buffer.byteLength], [length, false, length]);
    }
    await Promise.all([one.close(), other.close()]);
  });
});

type Received = Uint8Array | "unreachable";

async function open(url: string, received: Inbox<Received>): Promise<NatsBus> {
  const access = { nats: [url], natsCreds: undefined, natsCa: undefined };
  const bus = new NatsBus({ clock: systemClock, counters: new Counters(), log: silentLog, ...access });
  const { promise: isThere, resolve: connected } = Promise.withResolvers<void>();
  await bus.open({
    ...{ connected, disconnected() {} },
    received: (data) => received.push(data),
    unreachable: () => received.push("unreachable"),
  });
  // On a busy machine the first try may take too long.
  await within(isThere, "NATS");
  return bus;
}
