/** What TLS adds to a connection: bytes come in records, each of them as a whole. */

import { assertEquals } from "@std/assert";
import { createSecureContext } from "node:tls";
import { systemClock } from "../../../src/server/core/clock.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { MemoryBudget } from "../../../src/server/core/memory_budget.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { BufferPool } from "../../../src/server/transport/tcp/buffer_pool.ts";
import { Connection } from "../../../src/server/transport/tcp/connection.ts";
import { NO_LISTENER } from "../../../src/server/transport/tcp/connection_listener.ts";
import { ReadScheduler } from "../../../src/server/transport/tcp/read_scheduler.ts";
import { TlsStream } from "../../../src/server/transport/tcp/tls_stream.ts";
import { Turn } from "../../../src/server/transport/tcp/turn.ts";
import { FakeClock } from "../../helpers/fakes.ts";
import { Inbox } from "../../helpers/process.ts";
import { WITH_TCP } from "../../helpers/transports.ts";
import { CERTIFICATE_FILES, trusting } from "../../helpers/trust.ts";

const { small, medium } = LIMITS.readBytes;

Deno.test("what a peer says in one record is passed on in one chunk, whatever it said before", WITH_TCP, async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const connecting = Deno.connectTls({ hostname: "localhost", port: listener.addr.port, ...trusting() });
  const poll = new Poll(systemClock);
  const chunks = new Inbox<number>();
  const connection = secured(await listener.accept(), new Turn(poll));
  connection.listen({ ...NO_LISTENER, received: (buffer, length) => (buffer.release(), chunks.push(length)) });
  connection.resume();
  using peer = await connecting;
  for (const length of [1, small - 1, 1, small + 1, 1, 4 * small, 1, medium - 1, 3 * small, 1]) {
    await peer.write(new Uint8Array(length));
    assertEquals(await chunks.next(`the ${length} bytes of a record`), length);
  }
  connection.destroy();
  poll.close();
});

function secured(tcp: Deno.TcpConn, turn: Turn): Connection {
  const [cert, key] = [CERTIFICATE_FILES.cert, CERTIFICATE_FILES.key].map((file) => Deno.readTextFileSync(file));
  const pool = new BufferPool();
  const stream = new TlsStream(tcp, { secureContext: createSecureContext({ cert, key }), pool, turn });
  const buffers = new MemoryBudget(Infinity, new FakeClock());
  return new Connection(stream, { pool, scheduler: new ReadScheduler(turn), turn, buffers, open: new Set() });
}
