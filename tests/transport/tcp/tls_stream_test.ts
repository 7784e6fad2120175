/** What TLS adds to a connection: bytes come and go in records, each of them as a whole. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { systemClock } from "../../../src/server/core/clock.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { MemoryBudget } from "../../../src/server/core/memory_budget.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { BufferPool } from "../../../src/server/transport/tcp/buffer_pool.ts";
import { Connection } from "../../../src/server/transport/tcp/connection.ts";
import { NO_LISTENER } from "../../../src/server/transport/tcp/connection_listener.ts";
import { TlsListener } from "../../../src/server/transport/tcp/tls_listener.ts";
import { TlsStream } from "../../../src/server/transport/tcp/tls_stream.ts";
import { Turn } from "../../../src/server/transport/tcp/turn.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";
import { Inbox, within } from "../../helpers/process.ts";
import { WITH_TCP } from "../../helpers/transports.ts";
import { CERTIFICATE_FILES, trusting } from "../../helpers/trust.ts";

const { small, medium, large } = LIMITS.readBytes;

Deno.test("what a peer says in one record is passed on in one chunk, whatever it said before", WITH_TCP, async () => {
  const { connection, chunks, peer, poll } = await connected();
  for (const length of [1, small - 1, 1, small + 1, 1, 4 * small, 1, medium - 1, 3 * small, 1]) {
    await peer.write(new Uint8Array(length));
    assertEquals(await chunks.next(`the ${length} bytes of a record`), length);
  }
  connection.destroy();
  peer.close();
  poll.close();
});

Deno.test("what is written arrives, whatever its length, and the end behind it", WITH_TCP, async () => {
  const { stream, peer, poll } = await connected();
  const received = new Response(peer.readable).arrayBuffer();
  const sizes = [1, 64, 16_383, 16_384, 16_385, 49_152, 49_153, 66_000, 1, 300_000, 1];
  for (const size of sizes) await writeAll(stream, new Uint8Array(size).fill(size % 251));
  await stream.closeWrite();
  const expected = sizes.flatMap((size) => Array<number>(size).fill(size % 251));
  assertEquals(new Uint8Array(await received), new Uint8Array(expected));
  stream.close();
  poll.close();
});

Deno.test(
  "who is paused is not read, though the runtime would go on, and hears all when it is resumed",
  WITH_TCP,
  async () => {
    const { connection, chunks, peer, tcp, poll } = await connected();
    connection.pause();
    const before = tcp.bytesRead;
    // The system takes so much for a peer that is not read.
    const bytes = 2 * 1024 * 1024;
    await writeAll(peer, new Uint8Array(bytes));
    for (let i = 0; i < 20; i++) await turnOfEvents();
    assert(tcp.bytesRead - before < 2 * large, `${tcp.bytesRead - before} bytes were read`);
    connection.resume();
    for (let received = 0; received < bytes;) received += await chunks.next("the rest");
    connection.destroy();
    peer.close();
    poll.close();
  },
);

Deno.test("who was reset while it was paused, and is written to, is still read to its end", WITH_TCP, async () => {
  const { connection, chunks, over, peer, poll } = await connected();
  connection.pause();
  await peer.write(new Uint8Array(20_000));
  // Who hangs up on what it has not read resets the connection.
  connection.write(new Uint8Array(200_000));
  await peer.read(new Uint8Array(1));
  peer.close();
  // The first write may still go out; none after it does, and none is kept.
  for (let i = 0; i < 3; i++) {
    connection.write(new Uint8Array(10));
    while (connection.backlog > 0) await turnOfEvents();
  }
  connection.resume();
  for (let received = 0; received < 20_000;) received += await chunks.next("what it said");
  await within(over, "the end");
  connection.destroy();
  poll.close();
});

for (const size of [1, 100_000]) {
  Deno.test(`whoever writes ${size} bytes to a connection that fails hears of it`, WITH_TCP, async () => {
    const { stream, peer, poll, tcp } = await connected();
    tcp.destroy();
    await assertRejects(() => writeAll(stream, new Uint8Array(size)), Error, "write");
    peer.close();
    poll.close();
  });
}

/** What has happened on other connections is heard. */
function turnOfEvents(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function writeAll(stream: Pick<Deno.Conn, "write">, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += await stream.write(bytes.subarray(at));
}

/** A stream, the connection over it, and its peer, which has said something. */
async function connected() {
  const poll = new Poll(systemClock);
  const turn = new Turn(poll);
  const accepting = Promise.withResolvers<Socket>();
  const listener = await TlsListener.open({
    ...{ port: 0, host: "127.0.0.1", log: silentLog, turn },
    accepted: accepting.resolve,
  });
  const connecting = Deno.connectTls({ hostname: "localhost", port: listener.port, ...trusting() });
  const tcp = await accepting.promise;
  listener.close();
  const pool = new BufferPool();
  const stream = new TlsStream(tcp, { secureContext: secureContext(), pool, turn });
  const shared = { pool, turn, buffers: new MemoryBudget(Infinity, new FakeClock()), open: new Set<Connection>() };
  const connection = new Connection(stream, (owner) => stream.readBy(owner), shared);
  const chunks = new Inbox<number>();
  const over = Promise.withResolvers<void>();
  connection.listen({
    ...NO_LISTENER,
    received: (buffer, length) => (buffer.release(), chunks.push(length)),
    ended: over.resolve,
    gone: over.resolve,
  });
  connection.resume();
  const peer = await connecting;
  await peer.write(new Uint8Array(1));
  assertEquals(await chunks.next("its first byte"), 1);
  return { stream, connection, chunks, over: over.promise, peer, tcp, poll };
}

function secureContext(): SecureContext {
  const [cert, key] = [CERTIFICATE_FILES.cert, CERTIFICATE_FILES.key].map((file) => Deno.readTextFileSync(file));
  return createSecureContext({ cert, key });
}
