/** The transport for a relay that faces the internet, before anything is a WebSocket. */

import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/server/core/config_error.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { checkRuntime, TcpTransport } from "../../../src/server/transport/tcp/transport.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";
import { within } from "../../helpers/process.ts";
import { RawConnection } from "../../helpers/raw.ts";

const GET = "GET / HTTP/1.1\r\nhost: relay\r\n\r\n";

/** A transport that answers every request with "hello", and its connections, closed at the end. */
async function listening(maxConnections = 10) {
  const clock = new FakeClock();
  const limits = { idleTimeout: 30, maxMessageBytes: 1_000, maxConnections };
  const transport = new TcpTransport({ port: 0, host: "127.0.0.1", tls: undefined, clock, log: silentLog, ...limits });
  const { port } = await transport.listen(() => new Response("hello"));
  const opened: RawConnection[] = [];
  return {
    clock,
    async open(): Promise<RawConnection> {
      const raw = await RawConnection.open(port);
      opened.push(raw);
      return raw;
    },
    async [Symbol.asyncDispose]() {
      await transport.close();
      for (const raw of opened) raw[Symbol.dispose]();
    },
  };
}

async function ask(raw: RawConnection): Promise<string> {
  await raw.write(GET);
  return await raw.readBody(await raw.readHead());
}

Deno.test("a runtime that is too old for the ws transport is refused in one sentence", () => {
  for (const version of ["2.8.0", "2.10.1", "3.0.0"]) checkRuntime(version);
  for (const version of ["2.5.0", "2.7.14", "1.46.3"]) {
    const sentence = `Cannot use --transport tcp: want Deno 2.8 or newer, got ${version}.`;
    assertThrows(() => checkRuntime(version), ConfigError, sentence);
  }
});

Deno.test("who sends no request in time is hung up on, and nobody before", async () => {
  await using server = await listening();
  const [late, silent] = [await server.open(), await server.open()];
  assertEquals(await ask(await server.open()), "hello");
  server.clock.pass(LIMITS.requestMs - 1);
  assertEquals(await ask(late), "hello");
  server.clock.pass(1);
  await within(silent.hungUp(), "the silent one to be hung up on");
});

Deno.test("an answer says that it is the last, and is", async () => {
  await using server = await listening();
  const raw = await server.open();
  await raw.write(GET);
  const head = await raw.readHead();
  assertEquals([/^connection: close\r$/im.test(head), await raw.readBody(head)], [true, "hello"]);
  await within(raw.hungUp(), "the relay to hang up");
});

Deno.test("half a request is none", async () => {
  await using server = await listening();
  const [half, other] = [await server.open(), await server.open()];
  await half.write(GET.slice(0, -2));
  assertEquals(await ask(other), "hello");
  server.clock.pass(LIMITS.requestMs);
  await within(half.hungUp(), "half a request to be hung up on");
});

Deno.test("garbage is answered with 400 and hung up on", async () => {
  await using server = await listening();
  const raw = await server.open();
  await raw.write("garbage\r\n\r\n");
  assertEquals((await raw.readHead()).split("\r\n")[0], "HTTP/1.1 400 Bad Request");
  await within(raw.hungUp(), "garbage to be hung up on");
});

Deno.test("connections beyond those that are told that the relay is full are dropped, until others leave", async () => {
  await using server = await listening(1);
  const admitted = [];
  for (let i = 0; i < 1 + LIMITS.spareConnections; i++) admitted.push(await server.open());
  const refused = await server.open();
  await within(refused.hungUp(), "one too many to be dropped");
  assertEquals(await ask(admitted[0]), "hello");
  server.clock.pass(LIMITS.requestMs);
  assertEquals(await ask(await server.open()), "hello");
});
