import { assertEquals } from "@std/assert";
import { isDeaf } from "../../src/server/process/self_probe.ts";

const NONE = () => 0;

Deno.test("a listener that accepts and says nothing is deaf, unless it takes requests of others", async () => {
  // Nobody accepts here: the system completes the connection all the same.
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const address = { host: "127.0.0.1", port: listener.addr.port };
  let requests = 0;
  assertEquals(await Promise.all([isDeaf(address, NONE), isDeaf(address, () => requests++)]), [true, false]);
});

Deno.test("one that answers, hangs up or is not there is not", async () => {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("ok"));
  assertEquals(await isDeaf({ host: "0.0.0.0", port: server.addr.port }, NONE), false);
  await server.shutdown();
  assertEquals(await isDeaf({ host: "127.0.0.1", port: server.addr.port }, NONE), false);
});
