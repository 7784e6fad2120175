/**
 * What goes out on one stream: messages in order, as far as the relay has given credit for them.
 *
 * @module
 */

import { creditCost, type RecordWriter, Violation, WIRE_LIMITS } from "../../protocol.ts";
import type { Payload } from "../socket/sending.ts";
import { Outbox } from "./outbox.ts";
import { SendQueue } from "./send_queue.ts";

/** Bytes below which more may well be sent. */
export const READY_BELOW_BYTES = 256 * 1024;

/** Who hears what happens. */
export interface OutgoingListener {
  /** There is data, and perhaps the credit to send it. */
  hasData(): void;
  /** A `Blob` could not be read: nothing goes out any more. */
  failed(error: unknown): void;
}

/** What waits, until it is written or given up. */
export class Outgoing {
  readonly #listener: OutgoingListener;
  readonly #queue = new SendQueue();
  readonly #outbox: Outbox;
  /** Bytes that the relay takes. */
  #credit: number = WIRE_LIMITS.firstWindowBytes;
  #whenReady: (() => void)[] = [];
  #isOver = false;

  constructor(listener: OutgoingListener) {
    this.#listener = listener;
    this.#outbox = new Outbox((error) => listener.failed(error));
  }

  /** Bytes of messages that have not gone out. */
  get bytes(): number {
    return this.#queue.bytes + this.#outbox.waiting;
  }

  /** All that could be written is. */
  get isWritten(): boolean {
    return this.#queue.isEmpty;
  }

  /** Resolves when less than 256 KiB wait, or at the end. */
  get ready(): Promise<void> {
    if (this.#isReady) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
  }

  send({ isText, size, bytes }: Payload): void {
    const isNext = bytes instanceof Uint8Array && this.#outbox.isEmpty;
    if (isNext) this.#push(isText ? bytes : bytes.slice(), isText); // whoever sends may change its bytes
    else this.#outbox.add({ size, bytes, send: (ready) => this.#push(ready, isText) });
  }

  /** Runs `action` when all that was sent before is there to be written: at once unless a `Blob` has to be read. */
  behind(action: () => void): void {
    if (this.#outbox.isEmpty) action();
    else this.#outbox.add({ size: 0, bytes: new Uint8Array(0), send: action });
  }

  /** The relay takes so many bytes more. Throws a {@link Violation}. */
  grant(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > WIRE_LIMITS.creditBytes) throw new Violation("credit is beyond 2^31-1");
    if (!this.#queue.isEmpty) this.#listener.hasData();
  }

  /** Bytes of payload that the next record may have, or undefined when there is none, or not enough credit. */
  nextLength(): number | undefined {
    return this.#queue.nextLength(this.#credit);
  }

  /** Writes the next record. @param length What {@link Outgoing.nextLength} has given. */
  write(frame: RecordWriter, stream: number, length: number): void {
    this.#credit -= creditCost(length);
    this.#queue.write(frame, stream, length);
    if (this.#whenReady.length > 0) this.#tellReady();
  }

  /** Gives up what waits, and what is still to be read. */
  end(): void {
    this.#isOver = true;
    this.#queue.clear();
    this.#tellReady();
  }

  get #isReady(): boolean {
    return this.#isOver || this.bytes < READY_BELOW_BYTES;
  }

  /** @param bytes Nobody changes them any more. */
  #push(bytes: Uint8Array, isText: boolean): void {
    if (this.#isOver) return;
    this.#queue.push(bytes, isText);
    this.#listener.hasData();
  }

  #tellReady(): void {
    if (!this.#isReady) return;
    const resolves = this.#whenReady;
    this.#whenReady = [];
    for (const resolve of resolves) resolve();
  }
}
