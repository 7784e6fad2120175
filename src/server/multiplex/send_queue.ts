/**
 * What waits to be sent on one stream.
 *
 * @module
 */

import { recordLength, type RecordWriter, WIRE_LIMITS } from "../../protocol.ts";
import { LIMITS } from "../core/limits.ts";
import type { Part } from "../core/message.ts";
import { Queue } from "../core/queue.ts";
import { type Entry, PackedParts } from "./packed_parts.ts";

/** What a small part counts for besides its payload while it waits among others: as much as its credit, which is safe. */
const ENTRY_BYTES = WIRE_LIMITS.recordCost;

/** Messages and parts of them, in order, written as records of any length. */
export class SendQueue {
  /** The part that is next, and how much of it is written. */
  #current: Entry | undefined;
  #offset = 0;
  #currentCost = 0;
  readonly #waiting = new Queue<Part | PackedParts>();
  #last: Part | PackedParts | undefined;
  #bytes = 0;
  /** Bytes that keeping it costs besides. */
  #overhead = 0;

  get isEmpty(): boolean {
    return this.#current === undefined;
  }

  /** Bytes that wait, with what keeping them costs. */
  get weight(): number {
    return this.#bytes + this.#overhead;
  }

  /** Adds a part, in memory of its own. */
  push(part: Part): void {
    this.#bytes += part.byteLength;
    if (part.byteLength > PackedParts.MOST_PAYLOAD) this.#add(part.detached());
    else this.#pack(part);
    if (this.#current === undefined) this.#next();
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(credit: number): number | undefined {
    if (this.#current === undefined) return undefined;
    return recordLength(this.#current.to - this.#current.from - this.#offset, credit);
  }

  /** Writes the next record. @param length What {@link nextLength} has given. */
  write(frame: RecordWriter, stream: number, length: number): void {
    const { source, isText, ends, from, to } = this.#current!;
    const start = from + this.#offset;
    const isEnd = start + length === to;
    frame.data(stream, source, { text: isText, more: !isEnd || !ends, from: start, to: start + length });
    this.#bytes -= length;
    this.#offset = isEnd ? 0 : this.#offset + length;
    if (isEnd) this.#next();
  }

  /** Small parts are no objects of their own. */
  #pack(part: Part): void {
    this.#overhead += ENTRY_BYTES;
    if (this.#last instanceof PackedParts && this.#last.add(part)) return;
    const packed = new PackedParts();
    packed.add(part);
    this.#add(packed);
  }

  #add(item: Part | PackedParts): void {
    this.#overhead += LIMITS.recordOverheadBytes;
    this.#waiting.push(item);
    this.#last = item;
  }

  #next(): void {
    this.#overhead -= this.#currentCost;
    const next = this.#waiting.peek();
    if (next instanceof PackedParts) return this.#nextPacked(next);
    this.#current = next;
    this.#currentCost = next === undefined ? 0 : LIMITS.recordOverheadBytes;
    if (next !== undefined) this.#shift();
  }

  #nextPacked(packed: PackedParts): void {
    this.#current = packed.shift();
    this.#currentCost = ENTRY_BYTES;
    if (!packed.isEmpty) return;
    this.#overhead -= LIMITS.recordOverheadBytes;
    this.#shift();
  }

  #shift(): void {
    this.#waiting.shift();
    if (this.#waiting.peek() === undefined) this.#last = undefined;
  }
}
