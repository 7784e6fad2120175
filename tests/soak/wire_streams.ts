/**
 * The streams inside a peer's socket of protocol 5, each a carrier like a socket of its own.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { CLOSE, type Close, creditCost, KIND, RecordReader, RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import type { ConnectionKey } from "./side.ts";
import { type Carrier, type Departure, OPCODE, type WireListener } from "./wire_socket.ts";

/** Bytes of the least part that a message is cut down to for want of credit. */
const LEAST_PART = 8 * 1024;

/** What streams need of their socket. */
export interface StreamsHost {
  write(frame: Uint8Array): void;
  /** Sends a frame that ends the socket, and with it all streams. */
  corrupt(frame: Uint8Array): void;
}

/** All streams of one socket. */
export class WireStreams {
  readonly #host: StreamsHost;
  readonly #streams = new Map<number, WireStream>();
  #last = 0;

  constructor(host: StreamsHost) {
    this.#host = host;
  }

  open({ remoteId, documentId }: ConnectionKey, listener: WireListener): Carrier {
    const number = ++this.#last;
    const gone = () => this.#streams.delete(number);
    const stream = new WireStream(number, listener, { ...this.#host, gone });
    this.#streams.set(number, stream);
    this.#host.write(frameWith((frame) => frame.open(number, { userName: remoteId, documentId })));
    return stream;
  }

  /** Reads what the relay has sent. */
  take(frame: Buffer): void {
    const record = new RecordReader(Uint8Array.from(frame));
    while (record.next()) this.#streams.get(record.stream)?.take(record);
  }

  /** The socket is gone. */
  ended(): void {
    for (const stream of [...this.#streams.values()]) stream.ended({ code: undefined, reason: "" });
  }
}

/** One side of a conversation. */
class WireStream implements Carrier {
  readonly opened = Promise.resolve();
  readonly #number: number;
  readonly #listener: WireListener;
  readonly #host: StreamsHost & { gone(): void };
  readonly #unsent: { isText: boolean; payload: Uint8Array; offset: number }[] = [];
  #credit: number = WIRE_LIMITS.firstWindowBytes;
  #parts: Uint8Array[] = [];
  #farewell: Close | undefined;
  #isOver = false;

  constructor(number: number, listener: WireListener, host: StreamsHost & { gone(): void }) {
    this.#number = number;
    this.#listener = listener;
    this.#host = host;
  }

  send(opcode: number, payload: Uint8Array): void {
    if (this.#farewell !== undefined || this.#isOver) return;
    this.#unsent.push({ isText: opcode === OPCODE.text, payload, offset: 0 });
    this.#flush();
  }

  sendRaw(frame: Uint8Array): void {
    this.#host.corrupt(frame);
  }

  /** A farewell follows what was said; who just goes, goes at once. */
  leave(how: Departure, farewell: Close = { code: 1000, reason: "" }): void {
    if (how !== "close") this.#unsent.length = 0;
    this.#farewell ??= how === "close" ? farewell : CLOSE.peerLost;
    this.#flush();
  }

  take(record: RecordReader): void {
    if (record.kind === KIND.data) this.#hear(record);
    else if (record.kind === KIND.close) this.ended(record.close);
    else if (record.kind === KIND.window) {
      this.#credit += record.windowBytes;
      this.#flush();
    }
  }

  ended(ending: { code: number | undefined; reason: string }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.gone();
    this.#listener.ended(ending);
  }

  #hear({ payload, length, hasMore, isText }: RecordReader): void {
    this.#parts.push(payload);
    this.#host.write(frameWith((frame) => frame.window(this.#number, creditCost(length))));
    if (hasMore) return;
    const message = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#listener.message(isText ? OPCODE.text : OPCODE.binary, message);
  }

  #flush(): void {
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) this.#sendPart(length);
    if (this.#farewell === undefined || this.#unsent.length > 0 || this.#isOver) return;
    this.#host.write(frameWith((frame) => frame.close(this.#number, this.#farewell!)));
    // A close is not answered.
    queueMicrotask(() => this.ended(this.#farewell!));
  }

  #nextLength(): number | undefined {
    const [next] = this.#unsent;
    if (next === undefined) return undefined;
    const length = Math.min(next.payload.byteLength - next.offset, WIRE_LIMITS.recordBytes);
    if (creditCost(length) <= this.#credit) return length;
    const affordable = this.#credit - creditCost(0);
    return affordable >= LEAST_PART ? affordable : undefined;
  }

  #sendPart(length: number): void {
    const [next] = this.#unsent;
    const part = next.payload.subarray(next.offset, next.offset + length);
    next.offset += length;
    const more = next.offset < next.payload.byteLength;
    if (!more) this.#unsent.shift();
    this.#credit -= creditCost(length);
    this.#host.write(frameWith((frame) => frame.data(this.#number, part, { text: next.isText, more })));
  }
}

function frameWith(write: (frame: RecordWriter) => void): Uint8Array {
  const frame = new RecordWriter();
  write(frame);
  return frame.take();
}
