/**
 * A small message's way on one stream, alone and beside a stream of the same two clients that carries as much as it may.
 *
 * @module
 */

import { creditCost, introductionPath, KIND, RecordReader, RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import { joined } from "../helpers/raw.ts";
import { contest } from "./contest.ts";
import { maskedFrame } from "./frames.ts";
import { Generator, type Listener, type RawSocket } from "./generator.ts";
import { Latencies } from "./latencies.ts";
import { compareEachOther, type Row } from "./report.ts";
import type { Contestant, Running } from "./servers.ts";
import type { Pace } from "./throughput.ts";

const [SMALL, BULK] = [1, 2];
const OPENING_MS = 20_000;
const READ_BYTES = 512 * 1024;
const SMALL_BYTES = 64;
/** Milliseconds between two small messages: somebody types. */
const PAUSE_MS = 2;

interface Result {
  readonly alone: Latencies;
  readonly beside: Latencies;
  readonly bytesPerSecond: number;
}

/** What a small message may take longer: what a person does not notice. */
const MOST_ABOVE_SECONDS = 0.005;

/** Only servers with streams take part: each is compared with the other. */
export async function besideBulk(contestants: Contestant[], { rounds, seconds }: Pace): Promise<Row[]> {
  const outcomes = await contest(contestants, rounds, (server) => play(server, seconds));
  return compareEachOther(contestants, outcomes, {
    scenario: "64 B beside bulk, two streams of two clients",
    metrics: [
      { name: "p99 alone", unit: "seconds", of: ({ alone }) => p99(alone) },
      {
        name: "p99 beside bulk, above alone",
        unit: "seconds",
        of: ({ alone, beside }) => p99(beside) - p99(alone),
        aim: { atMost: MOST_ABOVE_SECONDS },
        absolute: true,
      },
      { name: "bulk", unit: "bytesPerSecond", of: ({ bytesPerSecond }) => bytesPerSecond },
    ],
  });
}

function p99(latencies: Latencies): number {
  return latencies.quantile(0.99) / 1000;
}

function play(server: Running, seconds: number): Result {
  using generator = new Generator(server);
  const names = [crypto.randomUUID(), crypto.randomUUID()];
  const sockets = generator.open(server.port, names.map((name) => `${introductionPath(name)}?protocol=5`));
  const [alice, bob] = sockets.map((socket, i) => new Talker(socket, names[1 - i]));
  const isOpen = () => alice.opened + bob.opened === 4;
  if (!generator.run(isOpen, OPENING_MS)) throw new Error("Cannot open streams: want four opened, they were not");
  const alone = talk(generator, { alice, bob, seconds });
  const before = bob.bulkBytes;
  alice.sendsBulk = true;
  const beside = talk(generator, { alice, bob, seconds });
  const bytesPerSecond = (bob.bulkBytes - before) / seconds;
  generator.closeAll();
  return { alone, beside, bytesPerSecond };
}

/** One small message after the other, each after a pause. */
function talk(
  generator: Generator,
  { alice, bob, seconds }: { alice: Talker; bob: Talker; seconds: number },
): Latencies {
  const latencies = new Latencies();
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const wanted = bob.small + 1;
    const sentAt = performance.now();
    alice.sendSmall();
    generator.run(() => bob.small >= wanted, OPENING_MS);
    latencies.add(performance.now() - sentAt);
    const next = performance.now() + PAUSE_MS;
    generator.run(() => performance.now() >= next, PAUSE_MS);
  }
  return latencies;
}

/** One client with two streams. */
class Talker implements Listener {
  opened = 0;
  /** Small messages that came. */
  small = 0;
  bulkBytes = 0;
  sendsBulk = false;
  readonly #bulk = bulkFrame();
  readonly #socket: RawSocket;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #length = 0;
  #credit: number = WIRE_LIMITS.firstWindowBytes;
  #unsent: Uint8Array<ArrayBuffer> = new Uint8Array();

  constructor(socket: RawSocket, userName: string) {
    this.#socket = socket;
    socket.listener = this;
    this.#buffer.set(socket.unread);
    this.#length = socket.unread.length;
    for (const number of [SMALL, BULK]) {
      this.#say((frame) => frame.open(number, { userName, documentId: `document ${number}` }));
    }
  }

  sendSmall(): void {
    this.#say((frame) => frame.data(SMALL, new Uint8Array(SMALL_BYTES), { text: false, more: false }));
    this.#sendBulk();
  }

  readable(): void {
    this.#length += this.#socket.read(this.#buffer.subarray(this.#length));
    let at = 0;
    for (let end = this.#frameEnd(at); end !== undefined && end <= this.#length; end = this.#frameEnd(at)) {
      if ((this.#buffer[at] & 0x0f) === 2) this.#read(this.#buffer.slice(this.#payloadStart(at), end));
      at = end;
    }
    this.#buffer.copyWithin(0, at, this.#length);
    this.#length -= at;
    this.#sendBulk();
  }

  writable(): void {
    this.#write(new Uint8Array());
    this.#sendBulk();
  }

  #read(frame: Uint8Array<ArrayBuffer>): void {
    const record = new RecordReader(frame);
    while (record.next()) {
      if (record.kind === KIND.opened) this.opened += 1;
      else if (record.kind === KIND.window && record.stream === BULK) this.#credit += record.windowBytes;
      else if (record.kind === KIND.data) this.#hear(record);
    }
  }

  #hear({ stream, length }: RecordReader): void {
    if (stream === SMALL) this.small += 1;
    else this.bulkBytes += length;
    this.#say((frame) => frame.window(stream, creditCost(length)));
  }

  /** As clients do: nothing while the socket has not taken what came before. */
  #sendBulk(): void {
    const cost = creditCost(WIRE_LIMITS.recordBytes);
    while (this.sendsBulk && this.#unsent.length === 0 && this.#credit >= cost) {
      this.#credit -= cost;
      this.#write(this.#bulk);
    }
  }

  #say(write: (frame: RecordWriter) => void): void {
    const frame = new RecordWriter();
    write(frame);
    this.#write(maskedFrame(frame.take(), "binary"));
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    const all = this.#unsent.length === 0 ? bytes : joined(this.#unsent, bytes);
    this.#unsent = all.subarray(this.#socket.write(all));
    this.#socket.awaitWritable(this.#unsent.length > 0);
  }

  #payloadStart(at: number): number {
    const short = this.#buffer[at + 1];
    return at + (short < 126 ? 2 : short === 126 ? 4 : 10);
  }

  #frameEnd(at: number): number | undefined {
    if (this.#length - at < 10) {
      return this.#length - at < 4 || this.#buffer[at + 1] > 125 ? undefined : this.#short(at);
    }
    const short = this.#buffer[at + 1];
    const view = new DataView(this.#buffer.buffer);
    const length = short < 126 ? short : short === 126 ? view.getUint16(at + 2) : view.getUint32(at + 6);
    return this.#payloadStart(at) + length;
  }

  #short(at: number): number {
    return at + 2 + this.#buffer[at + 1];
  }
}

/** Masked once: that takes longer than to send it. */
function bulkFrame(): Uint8Array<ArrayBuffer> {
  const frame = new RecordWriter();
  frame.data(BULK, new Uint8Array(WIRE_LIMITS.recordBytes), { text: false, more: false });
  return maskedFrame(frame.take(), "binary");
}
