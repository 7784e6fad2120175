/**
 * Readers that have stopped: what they make a relay keep, and what others notice of it.
 *
 * @module
 */

import { contest } from "./contest.ts";
import { residentBytes } from "./cost.ts";
import { Generator, type RawSocket } from "./generator.ts";
import { pairUp } from "./pairs.ts";
import { Ball } from "./ping_pong.ts";
import { compare, type Row } from "./report.ts";
import { type Contestant, pidsOf, type Running } from "./servers.ts";
import { play } from "./throughput.ts";

const MIB = 1024 * 1024;
const BALL = new Ball(64 * 1024, "binary", 4);
/** Each sender has this much to say; the kernel's own buffers take up to 10 MB of it. */
const SENT_BYTES = 32 * MIB;
const STUCK_MS = 500;
const OTHERS = { bytes: 64, kind: "binary", pairs: 1, window: 1 } as const;
const PACE = { rounds: 1, warmUpSeconds: 0.2, seconds: 1 };

interface Result {
  keptBytes: number;
  p99Seconds: number;
}

/** Lets so many readers stop on every server. */
export async function slowReaders(contestants: Contestant[], readers: number): Promise<Row[]> {
  const outcomes = await contest(contestants, 1, (server) => stall(server, readers));
  return compare<Result>(contestants, outcomes, {
    scenario: `${readers} readers that stopped, ${SENT_BYTES / MIB} MiB for each`,
    metrics: [
      { name: "memory a reader", unit: "bytes", of: ({ keptBytes }) => keptBytes },
      { name: "p99 latency of others", unit: "seconds", of: ({ p99Seconds }) => p99Seconds },
    ],
  });
}

function stall(server: Running, readers: number): Result {
  using generator = new Generator(server);
  const pairs = pairUp(generator, server, readers, BALL);
  const before = residentBytes(...pidsOf(server));
  for (const [, reader] of pairs) reader.stopReading();
  fill(generator, pairs.map(([sender]) => new Sender(sender)));
  const keptBytes = (residentBytes(...pidsOf(server)) - before) / readers;
  return { keptBytes, p99Seconds: play(server, OTHERS, PACE).p99Seconds };
}

/** Until everything is sent, or nobody has got rid of anything for a while. */
function fill(generator: Generator, senders: Sender[]): void {
  let before = -1;
  for (let sent = 0; sent > before; sent = senders.reduce((sum, sender) => sum + sender.sent, 0)) {
    before = sent;
    generator.run(() => senders.every(({ sent }) => sent >= SENT_BYTES), STUCK_MS);
  }
}

class Sender {
  sent = 0;

  constructor(readonly socket: RawSocket) {
    socket.listener = this;
    socket.awaitWritable(true);
  }

  readable(): void {
    this.socket.discard(MIB);
  }

  /** From where the last write ended in the row of messages. */
  writable(): void {
    this.sent += this.socket.write(BALL.row.subarray(this.sent % BALL.row.length));
    if (this.sent >= SENT_BYTES) this.socket.awaitWritable(false);
  }
}
