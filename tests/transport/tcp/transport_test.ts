/** The transport for a relay that faces the internet, before anything is a WebSocket. */

import { get } from "node:http";
import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/server/core/config_error.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { checkRuntime, TcpTransport } from "../../../src/server/transport/tcp/transport.ts";
import { type Handler, Upgrade } from "../../../src/server/transport/transport.ts";
import { MemoryBudget } from "../../../src/server/core/memory_budget.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";
import { within } from "../../helpers/process.ts";
import { frameOf, handshake, RawConnection } from "../../helpers/raw.ts";

const GET = "GET / HTTP/1.1\r\nhost: relay\r\n\r\n";

const hello: Handler = () => new Response("hello");

/** A transport that answers every request with "hello", and its connections, closed at the end. */
async function listening({ maxConnections = 10, maxHandshakesPerAddress = 0, handler = hello } = {}) {
  const clock = new FakeClock();
  const buffers = new MemoryBudget(Infinity, clock);
  const limits = { idleTimeout: 30, maxMessageBytes: 1_000, maxConnections, maxHandshakesPerAddress };
  const address = { port: 0, host: "127.0.0.1", tls: undefined };
  const poll = new Poll(clock);
  await poll.open();
  const transport = new TcpTransport({ ...address, ...limits, buffers, clock, poll, log: silentLog });
  const { port } = await transport.listen(handler);
  const opened: RawConnection[] = [];
  return {
    clock,
    port,
    async open(): Promise<RawConnection> {
      const raw = await RawConnection.open(port);
      opened.push(raw);
      return raw;
    },
    async [Symbol.asyncDispose]() {
      await transport.close();
      poll.close();
      for (const raw of opened) raw[Symbol.dispose]();
    },
  };
}

async function ask(raw: RawConnection): Promise<string> {
  await raw.write(GET);
  return await raw.readBody(await raw.readHead());
}

/** Asks from another address of this machine. */
function statusFrom(localAddress: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, localAddress, agent: false }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
    }).on("error", reject);
  });
}

Deno.test("a runtime that is too old for this transport is refused in one sentence", () => {
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

Deno.test("who has asked late has as long to take the answer, and no longer", async () => {
  // More than the system takes for a client that reads nothing.
  const long = "x".repeat(8 * 1024 * 1024);
  await using server = await listening({ handler: () => new Response(long) });
  const [slow, slower] = [await server.open(), await server.open()];
  server.clock.pass(LIMITS.requestMs - 1);
  for (const raw of [slow, slower]) await raw.write(GET);
  const head = await slow.readHead();
  await slower.readHead();
  server.clock.pass(LIMITS.requestMs - 1);
  assertEquals((await slow.readBody(head)).length, long.length);
  server.clock.pass(1);
  assertEquals((await slower.readBody(head)).length < long.length, true);
});

Deno.test("a socket whose handler throws is closed with 1011, and the relay lives on", async () => {
  const fails = () => {
    throw new Error("a defect");
  };
  const listener = { message: fails, ending: () => {}, closed: fails };
  const handler = () => new Upgrade((socket) => socket.listen(listener), () => {}, false);
  await using server = await listening({ handler });
  for (let i = 0; i < 2; i++) {
    const raw = await server.open();
    await raw.write(handshake("/"));
    await raw.readHead();
    await raw.sendText("hello");
    assertEquals((await raw.readClose())?.code, 1011);
    await raw.write(frameOf(8, new Uint8Array([1011 >> 8, 1011 & 255])));
    await within(raw.hungUp(), "the relay to hang up");
  }
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

Deno.test("when all places are taken, whoever has asked for nothing yet makes room, the oldest first", async () => {
  await using server = await listening({ maxConnections: 1 });
  const silent = [];
  for (let i = 0; i < 1 + LIMITS.spareConnections; i++) silent.push(await server.open());
  assertEquals(await ask(await server.open()), "hello");
  await within(silent[0].hungUp(), "the oldest to be hung up on");
  assertEquals(await ask(silent[1]), "hello");
});

Deno.test("connections of one address that ask for nothing are bounded, and others come in", async () => {
  await using server = await listening({ maxHandshakesPerAddress: 2 });
  const [first, second] = [await server.open(), await server.open()];
  await within((await server.open()).hungUp(), "one too many to be hung up on");
  assertEquals(await statusFrom("127.0.0.2", server.port), 200);
  for (const raw of [first, second]) assertEquals(await ask(raw), "hello");
  server.clock.pass(LIMITS.closeMs);
  for (const raw of [first, second]) await within(raw.hungUp(), "the relay to hang up");
  assertEquals(await ask(await server.open()), "hello");
});
