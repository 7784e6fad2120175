/**
 * Small messages of one stream that follow each other in a frame: between two streams they cross together.
 *
 * @module
 */

import { creditCost, type RecordReader, varintLength, WIRE_LIMITS, writeVarint } from "../../protocol.ts";
import { Part } from "../core/message.ts";
import { Splice, type SpliceContents } from "../transport/transport.ts";
import { ChunkContents } from "../websocket/frame_walker.ts";
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

/** Records of whole messages, as bytes. */
export class RecordRun extends Splice {
  readonly #numberLength: number;

  private constructor(bytes: Uint8Array<ArrayBuffer>, contents: SpliceContents, numberLength: number) {
    super(bytes, contents, 0);
    this.#numberLength = numberLength;
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
    const contents = new RunContents(limits);
    let end = start;
    while (contents.messages < MOST_RECORDS && walker.next() && walker.end - start <= MOST_BYTES) {
      if (!contents.take(frame, walker)) break;
      end = walker.end;
    }
    if (contents.messages < 2) return undefined;
    record.skipTo(end, contents.messages - 1);
    return new RecordRun(frame.subarray(start, end), contents, numberLength);
  }

  /** What it costs of the credit. */
  get cost(): number {
    const { messages, textBytes, binaryBytes } = this.contents;
    return messages * WIRE_LIMITS.recordCost + textBytes + binaryBytes;
  }

  /** Makes it a run of this stream, where it is. False: the number takes more or fewer bytes. */
  renumber(stream: number): boolean {
    if (varintLength(stream) !== this.#numberLength) return false;
    const walker = this.#walk();
    walker.next();
    while (walker.next()) writeVarint(this.bytes, walker.start, stream);
    // The first tells the others.
    writeVarint(this.bytes, 0, stream);
    return true;
  }

  /** Its messages, one by one. */
  *parts(): Generator<Part> {
    for (const walker = this.#walk(); walker.next();) {
      yield new Part(this.bytes, walker.isText, true, true, walker.payload, walker.end);
    }
  }

  #walk(): RecordWalker {
    return new RecordWalker(this.bytes, 0, this.#numberLength);
  }
}

/** Counts what a run has, as long as it keeps the limits. */
class RunContents extends ChunkContents {
  #credit: number;
  readonly #messageBytes: number;

  constructor({ credit, messageBytes }: RunLimits) {
    super();
    this.#credit = credit;
    this.#messageBytes = messageBytes;
  }

  /** Adds a record. False: it breaks a limit. */
  take(frame: Uint8Array<ArrayBuffer>, { isText, payload, end }: RecordWalker): boolean {
    const length = end - payload;
    if (length > this.#messageBytes || creditCost(length) > this.#credit) return false;
    if (isText && !isWholeText(frame, payload, end)) return false;
    this.#credit -= creditCost(length);
    this.messages += 1;
    if (length === 0) this.emptyFrames += 1;
    if (isText) this.text += 1;
    else this.binary += 1;
    if (isText) this.textBytes += length;
    else this.binaryBytes += length;
    return true;
  }
}

function isWholeText(frame: Uint8Array, from: number, to: number): boolean {
  const check = new Utf8Check();
  return check.accepts(frame, from, to) && check.isWhole;
}
