/**
 * Conversations as streams of protocol 5 on which nothing is said: many on each of a few sockets.
 *
 * @module
 */

import { introductionPath, KIND, RecordReader, RecordWriter } from "../../src/protocol.ts";
import { maskedFrame } from "./frames.ts";
import type { Generator, Listener, RawSocket } from "./generator.ts";
import type { Running } from "./servers.ts";

const OPENING_MS = 60_000;
const READ_BYTES = 256 * 1024;
/** Conversations of two clients. */
const OF_A_PAIR = 5_000;
/** Opens in one frame. */
const AT_ONCE = 500;

/** Opens so many conversations, and gives how many that were. */
export function streamConversations(generator: Generator, server: Running, count: number): number {
  for (let opened = 0; opened < count; opened += OF_A_PAIR) {
    openBetweenTwo(generator, server, Math.min(OF_A_PAIR, count - opened));
  }
  return count;
}

function openBetweenTwo(generator: Generator, { port }: Running, count: number): void {
  const names = [crypto.randomUUID(), crypto.randomUUID()];
  const sockets = generator.open(port, names.map((name) => `${introductionPath(name)}?protocol=5`));
  const counters = sockets.map((socket) => new OpenedCounter(socket));
  for (let first = 1; first <= count; first += AT_ONCE) {
    for (const [i, socket] of sockets.entries()) socket.write(opens(first, count, names[1 - i]));
    const wanted = Math.min(first + AT_ONCE - 1, count);
    if (!generator.run(() => counters.every(({ opened }) => opened >= wanted), OPENING_MS)) {
      throw new Error(`Cannot open streams: want ${wanted} opened, got ${counters.map(({ opened }) => opened)}`);
    }
  }
}

function opens(first: number, count: number, userName: string): Uint8Array<ArrayBuffer> {
  const frame = new RecordWriter();
  for (let number = first; number < Math.min(first + AT_ONCE, count + 1); number++) {
    frame.open(number, { userName, documentId: `document ${number}` });
  }
  return maskedFrame(frame.take(), "binary");
}

/** Counts streams whose other side has come. */
class OpenedCounter implements Listener {
  opened = 0;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #length = 0;

  constructor(socket: RawSocket) {
    socket.listener = this;
    this.#buffer.set(socket.unread);
    this.#length = socket.unread.length;
  }

  readable(socket: RawSocket): void {
    this.#length += socket.read(this.#buffer.subarray(this.#length));
    let at = 0;
    for (let end = this.#endOfFrame(at); end !== undefined && end <= this.#length; end = this.#endOfFrame(at)) at = end;
    this.#buffer.copyWithin(0, at, this.#length);
    this.#length -= at;
  }

  /** Where the frame at this place ends; counts what is in it, if it is whole. */
  #endOfFrame(at: number): number | undefined {
    if (this.#length - at < 4) return undefined;
    const short = this.#buffer[at + 1];
    const from = at + (short < 126 ? 2 : 4);
    const end = from + (short < 126 ? short : this.#buffer[at + 2] * 256 + this.#buffer[at + 3]);
    const isBinary = (this.#buffer[at] & 0x0f) === 2;
    if (isBinary && end <= this.#length) this.#count(this.#buffer.slice(from, end));
    return end;
  }

  #count(frame: Uint8Array<ArrayBuffer>): void {
    const record = new RecordReader(frame);
    while (record.next()) if (record.kind === KIND.opened) this.opened += 1;
  }
}
