/**
 * Small messages of one stream that follow each other in a frame: between two streams they cross together.
 *
 * @module
 */

import { creditCost, type RecordReader, varintLength, WIRE_LIMITS, writeVarint } from "../../protocol.ts";
import { Part } from "../core/message.ts";
import { Splice, type SpliceContents } from "../transport/transport.ts";
import { Utf8Check } from "../websocket/utf8.ts";
import { RecordWalker } from "./record_walker.ts";

/** Records of one run: where they cannot cross together, to pass them on one by one takes some 50 us. */
const MOST_RECORDS = 64;
/** Bytes of one run: far less than a stream may leave unread. */
const MOST_BYTES = 16 * 1024;

/** What the client may send on the stream. */
export interface RunLimits {
  readonly credit: number;
  /** Bytes of one message. */
  readonly messageBytes: number;
}

/** Who has the frame that a run came in. */
export interface FrameOwner {
  /** Gives away the frame that has just this payload, if it is still there and may be sent as it is. */
  takeFrame(payload: Uint8Array<ArrayBuffer>): Splice | undefined;
}

/** Records of whole messages, as bytes. */
export class RecordRun extends Splice {
  /** Who has the frame that it was read from. */
  owner: FrameOwner | undefined;
  #stream: number;

  private constructor(bytes: Uint8Array<ArrayBuffer>, override readonly contents: RunContents, stream: number) {
    super(bytes, contents, 0);
    this.#stream = stream;
  }

  /**
   * Reads the run that begins with this record. Undefined if it would be of fewer than two: then the record is read
   * alone, and what is wrong with it is found.
   */
  static read(record: RecordReader, limits: RunLimits): RecordRun | undefined {
    const { frame, stream, payloadEnd, payloadStart, length } = record;
    if (payloadEnd === frame.byteLength) return undefined;
    const numberLength = varintLength(stream);
    const start = payloadStart - varintLength(length) - 1 - numberLength;
    const walker = new RecordWalker(frame, start, numberLength);
    const run = new RunContents();
    let end = start;
    let { credit } = limits;
    while (run.messages < MOST_RECORDS && walker.next() && walker.end - start <= MOST_BYTES) {
      const length = walker.end - walker.payload;
      credit -= creditCost(length);
      if (credit < 0 || length > limits.messageBytes) break;
      if (walker.isText && !isWholeText(frame, walker)) break;
      run.add(length, walker.isText);
      end = walker.end;
    }
    if (run.messages < 2) return undefined;
    record.skipTo(end, run.messages - 1);
    const isAll = start === 0 && end === frame.byteLength;
    return new RecordRun(isAll ? frame : frame.subarray(start, end), run, stream);
  }

  /** What it costs of the credit. */
  get cost(): number {
    return this.contents.cost;
  }

  /** Makes it a run of this stream, where it is. False: the number takes more or fewer bytes. */
  renumber(stream: number): boolean {
    if (stream === this.#stream) return true;
    if (varintLength(stream) !== varintLength(this.#stream)) return false;
    const walker = this.#walk();
    walker.next();
    while (walker.next()) writeVarint(this.bytes, walker.start, stream);
    // The first tells the others.
    writeVarint(this.bytes, 0, stream);
    this.#stream = stream;
    return true;
  }

  /** The frame that it came in, to be sent and released by whoever asks, if it was alone in one. */
  takeFrame(): Splice | undefined {
    return this.owner?.takeFrame(this.bytes);
  }

  /** Its messages, one by one. */
  *parts(): Generator<Part> {
    for (const walker = this.#walk(); walker.next();) {
      yield new Part(this.bytes, walker.isText, true, true, walker.payload, walker.end);
    }
  }

  #walk(): RecordWalker {
    return new RecordWalker(this.bytes, 0, varintLength(this.#stream));
  }
}

/** Counts what a run has. */
class RunContents implements SpliceContents {
  messages = 0;
  emptyFrames = 0;
  text = 0;
  textBytes = 0;
  bytes = 0;

  get binary(): number {
    return this.messages - this.text;
  }

  get binaryBytes(): number {
    return this.bytes - this.textBytes;
  }

  /** Of the credit. */
  get cost(): number {
    return this.messages * WIRE_LIMITS.recordCost + this.bytes;
  }

  add(length: number, isText: boolean): void {
    this.messages += 1;
    this.bytes += length;
    if (length === 0) this.emptyFrames += 1;
    if (!isText) return;
    this.text += 1;
    this.textBytes += length;
  }
}

function isWholeText(frame: Uint8Array, { payload, end }: RecordWalker): boolean {
  const check = new Utf8Check();
  return check.accepts(frame, payload, end) && check.isWhole;
}
