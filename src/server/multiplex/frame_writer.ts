/**
 * Turns what streams have to say into frames, fairly: what needs no credit goes first, and then each stream with data
 * writes as much as any other in its turn (deficit round robin).
 *
 * @module
 */

import { type Close, creditCost, type RecordWriter, WIRE_LIMITS } from "../../protocol.ts";
import { LIMITS } from "../core/limits.ts";
import { Part } from "../core/message.ts";
import { Queue } from "../core/queue.ts";
import type { FramePool } from "./frame_pool.ts";
import type { RecordRun } from "./record_run.ts";
import type { Stream } from "./stream.ts";

/** Bytes of a message that need not wait for its turn. */
const SMALL_BYTES = 4 * 1024;

/** The streams of one socket, on their way to its client. */
export class FrameWriter {
  readonly #pool: FramePool;
  #frame: RecordWriter | undefined;
  /** Records of data in it that had to wait for their turn. */
  #records = 0;
  /** Streams with something to say that needs no credit. */
  readonly #words = new Queue<Stream>();
  /** Streams with something to say along with the next frame. */
  readonly #wordsAlong = new Queue<Stream>();
  /** Streams that were refused, and why. */
  readonly #refusals = new Queue<readonly [number: number, close: Close]>();
  /** Streams with data. */
  readonly #data = new Queue<Stream>();
  /** It had its turn in the frame under way, before anybody waited. */
  #first: Stream | undefined;
  /** Streams of which something was written since {@link FrameWriter.endTurn}. */
  readonly #written = new Set<Stream>();
  /** The last of them. */
  #latest: Stream | undefined;

  constructor(pool: FramePool) {
    this.#pool = pool;
  }

  /** Nobody has anything to say. */
  get isEmpty(): boolean {
    const waits = this.#words.peek() ?? this.#refusals.peek() ?? this.#data.peek();
    return waits === undefined && (this.#frame === undefined || this.#frame.byteLength === 0);
  }

  hasWord(stream: Stream): void {
    if (stream.hasWord) return;
    stream.hasWord = true;
    this.#words.push(stream);
  }

  hasWordAlong(stream: Stream): void {
    if (stream.hasWordAlong) return;
    stream.hasWordAlong = true;
    this.#wordsAlong.push(stream);
  }

  hasData(stream: Stream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    stream.deficit = stream === this.#first ? 0 : LIMITS.turnQuantumBytes;
    this.#data.push(stream);
  }

  /** Writes it at once, if nobody waits for a turn and it fits the frame under way; says whether it did. */
  writeNow(stream: Stream, data: Part | RecordRun): boolean {
    const { number } = stream;
    const isFree = this.#data.peek() === undefined && this.#words.peek() === undefined;
    const frame = this.#frame ??= this.#pool.acquire();
    // What is large takes a turn, which is the first.
    const isLarge = data instanceof Part && data.byteLength > SMALL_BYTES;
    if (!isFree || (isLarge && frame.byteLength > 0) || !frame.fits(data.byteLength)) return false;
    if (isLarge) this.#first = stream;
    if (data instanceof Part) frame.part(number, data);
    else if (data.renumber(number)) frame.records(data.bytes);
    else return false;
    return true;
  }

  refuse(number: number, close: Close): void {
    this.#refusals.push([number, close]);
  }

  /** A frame with these records and what was to be said along with them, or undefined when there is nothing such. */
  withWordsAlong(run: RecordRun): Uint8Array<ArrayBuffer> | undefined {
    if (this.#wordsAlong.peek() === undefined) return undefined;
    const frame = this.#frame ??= this.#pool.acquire();
    frame.records(run.bytes);
    this.#writeWordsAlong(frame);
    return this.#take(frame);
  }

  /** The next frame, or undefined when nothing can be said. Sockets copy it as they send it; then it is written over. */
  next(): Uint8Array<ArrayBuffer> | undefined {
    const frame = this.#frame ??= this.#pool.acquire();
    // A stream whose last data was written may have its close to say.
    while (this.#writeWords(frame) && this.#writeData(frame) && this.#words.peek() !== undefined);
    if (frame.byteLength > 0) this.#writeWordsAlong(frame);
    return this.#take(frame);
  }

  /** The next frame of what needs no credit. */
  nextWords(): Uint8Array<ArrayBuffer> | undefined {
    const frame = this.#frame ??= this.#pool.acquire();
    this.#writeWords(frame);
    return this.#take(frame);
  }

  /** All was sent that could be: tells the streams of which something was written. */
  endTurn(): void {
    if (this.#frame?.byteLength === 0) this.#release(this.#frame);
    if (this.#written.size === 0) return;
    for (const stream of this.#written) stream.drained();
    this.#written.clear();
    this.#latest = undefined;
  }

  #take(frame: RecordWriter): Uint8Array<ArrayBuffer> | undefined {
    this.#records = 0;
    this.#first = undefined;
    if (frame.byteLength > 0) return frame.takeView();
    this.#release(frame);
  }

  #release(frame: RecordWriter): void {
    this.#frame = undefined;
    this.#pool.release(frame);
  }

  /** False: the frame is full. */
  #writeWords(frame: RecordWriter): boolean {
    for (let stream = this.#words.peek(); stream !== undefined; stream = this.#words.peek()) {
      if (!stream.writeFirst(frame)) return false;
      this.#words.shift();
    }
    for (let refusal = this.#refusals.peek(); refusal !== undefined; refusal = this.#refusals.peek()) {
      if (!frame.fits(2 + WIRE_LIMITS.closeReasonBytes)) return false;
      frame.close(...refusal);
      this.#refusals.shift();
    }
    return true;
  }

  /** As far as the frame has room. Some were said by now. */
  #writeWordsAlong(frame: RecordWriter): void {
    for (let stream = this.#wordsAlong.peek(); stream !== undefined; stream = this.#wordsAlong.peek()) {
      if (stream.hasWordAlong && !stream.writeFirst(frame)) return;
      this.#wordsAlong.shift();
    }
  }

  /** False: the frame is full. */
  #writeData(frame: RecordWriter): boolean {
    for (let stream = this.#data.peek(); stream !== undefined; stream = this.#data.peek()) {
      if (!this.#writeTurn(stream, frame)) return false;
    }
    return true;
  }

  /** Writes what one stream may in its turn. False: the frame is full, and its turn goes on. */
  #writeTurn(stream: Stream, frame: RecordWriter): boolean {
    for (let length = stream.nextLength(); length !== undefined; length = stream.nextLength()) {
      if (creditCost(length) > stream.deficit) return this.#endTurn(stream);
      if (!frame.fits(length) || ++this.#records > LIMITS.recordsPerFrame) return false;
      if (this.#latest !== stream) this.#written.add(stream);
      this.#latest = stream;
      stream.writeNext(frame, length);
    }
    this.#data.shift();
    stream.isQueued = false;
    return true;
  }

  #endTurn(stream: Stream): true {
    this.#data.shift();
    this.#data.push(stream);
    stream.deficit += LIMITS.turnQuantumBytes;
    return true;
  }
}
