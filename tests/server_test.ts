/** A relay inside a program: when it listens, and when it has ended. */

import { assertEquals, assertRejects } from "@std/assert";
import { Server } from "../src/server/mod.ts";
import { ListenError } from "../src/server/listen_error.ts";
import { lastingPort } from "./helpers/lasting_port.ts";
import { VARIANTS, WITHOUT_LEAKS } from "./helpers/transports.ts";

for (const { name, config } of VARIANTS) {
  const make = (port = 0) => new Server({ port, host: "127.0.0.1", ...config });

  Deno.test(`${name}: who listens twice listens once`, WITHOUT_LEAKS, async () => {
    const server = make();
    const [first] = await Promise.all([server.listen(), server.listen()]);
    const { port } = server;
    assertEquals([await server.listen(), server.port], [first, port]);
    // A second listener would be a leak.
    await server.close();
  });

  Deno.test(
    `${name}: a relay that is closed while it begins to listen ends, and does not begin again`,
    WITHOUT_LEAKS,
    async () => {
      const server = make();
      const listening = server.listen();
      await server.close();
      await listening.catch(() => {});
      await assertRejects(() => server.listen(), Error, "Cannot listen: want a new relay, got a closed one.");
    },
  );

  Deno.test(`${name}: a relay whose port is taken may listen again when it is free`, WITHOUT_LEAKS, async () => {
    const first = await make(lastingPort()).listen();
    const second = make(first.port);
    await assertRejects(() => second.listen(), ListenError);
    await first.close();
    await second.listen();
    await second.close();
  });
}
