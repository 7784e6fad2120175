/**
 * Turns what streams have to say into frames, fairly: new streams first, then what needs no credit, and then each stream
 * with data writes as much as any other in its turn (deficit round robin).
 *
 * @module
 */

import { creditCost, RecordWriter, WIRE_LIMITS } from "../../protocol.ts";
import { Queue } from "./queue.ts";
import type { PeerStream } from "./peer_stream.ts";

/** Bytes of one stream in its turn: the largest record. */
const TURN_BYTES = creditCost(WIRE_LIMITS.recordBytes);
/** Bytes of the longest open: two ids, in which every byte may be a control character that JSON writes with six. */
const OPEN_BYTES = 2 * 6 * WIRE_LIMITS.idBytes + 64;

/** The streams of one socket, on their way to the relay. */
export class FrameWriter {
  readonly #frame = new RecordWriter();
  /** Streams that have no number yet. */
  readonly #waiting = new Queue<PeerStream>();
  /** Streams with something to say that needs no credit. */
  readonly #words = new Queue<PeerStream>();
  /** Streams with data. */
  readonly #data = new Queue<PeerStream>();

  /** The stream is to be begun. */
  hasStream(stream: PeerStream): void {
    this.#waiting.push(stream);
  }

  hasWord(stream: PeerStream): void {
    if (stream.isWordQueued) return;
    stream.isWordQueued = true;
    this.#words.push(stream);
  }

  hasData(stream: PeerStream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    stream.deficit = TURN_BYTES;
    this.#data.push(stream);
  }

  /**
   * The next frame, or undefined when nothing can be said.
   *
   * @param take Gives a stream its number, or 0 while there is no room for it.
   */
  next(take: (stream: PeerStream) => number): Uint8Array<ArrayBuffer> | undefined {
    // Whoever hears that its stream is open has something to send; who has sent all may have a close to say.
    while (this.#writeOpens(take) && this.#writeWords() && this.#writeData() && this.#words.first !== undefined);
    return this.#frame.byteLength === 0 ? undefined : this.#frame.take();
  }

  /** False: the frame is full. */
  #writeOpens(take: (stream: PeerStream) => number): boolean {
    for (let stream = this.#waiting.first; stream !== undefined; stream = this.#waiting.first) {
      if (!this.#frame.fits(OPEN_BYTES)) return false;
      const isWanted = stream.readyState === stream.CONNECTING;
      const number = isWanted ? take(stream) : 0;
      if (isWanted && number === 0) return true;
      this.#waiting.shift();
      if (isWanted) this.#begin(stream, number);
    }
    return true;
  }

  #begin(stream: PeerStream, number: number): void {
    this.#frame.open(number, stream.opening);
    stream.begun(number);
  }

  /** False: the frame is full. */
  #writeWords(): boolean {
    for (let stream = this.#words.first; stream !== undefined; stream = this.#words.first) {
      if (!stream.writeFirst(this.#frame)) return false;
      this.#words.shift();
    }
    return true;
  }

  /** False: the frame is full. */
  #writeData(): boolean {
    for (let stream = this.#data.first; stream !== undefined; stream = this.#data.first) {
      if (!this.#writeTurn(stream)) return false;
    }
    return true;
  }

  /** Writes what one stream may in its turn. False: the frame is full, and its turn goes on. */
  #writeTurn(stream: PeerStream): boolean {
    for (let length = stream.nextLength(); length !== undefined; length = stream.nextLength()) {
      if (creditCost(length) > stream.deficit) return this.#endTurn(stream);
      if (!this.#frame.fits(length)) return false;
      stream.writeNext(this.#frame, length);
    }
    this.#data.shift();
    stream.isQueued = false;
    return true;
  }

  #endTurn(stream: PeerStream): true {
    this.#data.shift();
    this.#data.push(stream);
    stream.deficit += TURN_BYTES;
    return true;
  }
}
