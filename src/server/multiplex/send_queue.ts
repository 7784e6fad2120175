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
  /** What waits for longer than a turn, in memory of its own. */
  readonly #kept = new Queue<Part | PackedParts>();
  #lastKept: Part | PackedParts | undefined;
  /** What came in this turn. */
  #fresh = new Queue<Part>();
  /** The current part came in this turn. */
  #isCurrentFresh = false;
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

  push(part: Part): void {
    this.#bytes += part.byteLength;
    this.#overhead += LIMITS.recordOverheadBytes;
    this.#fresh.push(part);
    if (this.#current === undefined) this.#next();
  }

  /** Keeps no frame in memory of which only a part waits, and small parts as no objects of their own. */
  detach(): void {
    if (this.#isCurrentFresh && this.#current !== undefined) this.#detachCurrent(this.#current);
    for (const part of this.#fresh) this.#keep(part);
    if (this.#fresh.peek() !== undefined) this.#fresh = new Queue();
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

  #detachCurrent({ source, isText, ends, from, to }: Entry): void {
    const rest = source.slice(from + this.#offset, to);
    this.#current = { source: rest, isText, ends, from: 0, to: rest.byteLength };
    this.#offset = 0;
    this.#isCurrentFresh = false;
  }

  #keep(part: Part): void {
    if (part.byteLength > PackedParts.MOST_PAYLOAD) return this.#keepItem(part.detached());
    this.#overhead += ENTRY_BYTES - LIMITS.recordOverheadBytes;
    if (this.#lastKept instanceof PackedParts && this.#lastKept.add(part)) return;
    const packed = new PackedParts();
    packed.add(part);
    this.#overhead += LIMITS.recordOverheadBytes;
    this.#keepItem(packed);
  }

  #keepItem(item: Part | PackedParts): void {
    this.#kept.push(item);
    this.#lastKept = item;
  }

  #next(): void {
    this.#overhead -= this.#currentCost;
    this.#currentCost = LIMITS.recordOverheadBytes;
    const kept = this.#kept.peek();
    this.#isCurrentFresh = kept === undefined;
    if (kept instanceof PackedParts) return this.#nextPacked(kept);
    this.#current = kept ?? this.#fresh.peek();
    if (kept !== undefined) this.#shiftKept();
    else if (this.#current !== undefined) this.#fresh.shift();
    else this.#currentCost = 0;
  }

  #nextPacked(packed: PackedParts): void {
    this.#current = packed.shift();
    this.#currentCost = ENTRY_BYTES;
    if (!packed.isEmpty) return;
    this.#overhead -= LIMITS.recordOverheadBytes;
    this.#shiftKept();
  }

  #shiftKept(): void {
    this.#kept.shift();
    if (this.#kept.peek() === undefined) this.#lastKept = undefined;
  }
}
