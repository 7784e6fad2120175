/**
 * What a remote socket sends to the other instance: numbered, cut into chunks, queued until its turn, and counted until
 * the other instance has acknowledged it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Close } from "../../../protocol.ts";
import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Part } from "../../core/message.ts";
import type { Splice, SpliceContents } from "../../transport/transport.ts";
import { encode, type LinkMessage, WIRE_OVERHEAD } from "../codec.ts";
import type { Neighbor, Sender } from "./neighbor.ts";

/** What a sending half needs. */
export interface SendingHalfOptions {
  readonly clock: Clock;
  readonly neighbor: Neighbor;
  /** The other instance's name for its socket. */
  readonly handle: number;
  /** Bytes of payload in one message on the bus. */
  readonly chunkBytes: number;
  /** Sends a message to the other instance. */
  readonly publish: (data: Uint8Array) => void;
  /** The last message in the queue was sent. */
  readonly emptied: () => void;
}

/** One message to the other instance, and where frames end in it. */
interface Queued {
  readonly bytes: Uint8Array;
  /** As of a {@link Splice}, and of its length. */
  readonly tail: number;
  readonly length: number;
}

/** What is known of the contents of a splice without its end. */
export const NO_CONTENTS: SpliceContents = {
  messages: 0,
  emptyFrames: 0,
  text: 0,
  binary: 0,
  textBytes: 0,
  binaryBytes: 0,
};

/** Bytes that a part of a message has at least, unless it is the last: no instance makes many parts out of little. */
export const LEAST_PART_BYTES = LIMITS.leastPayloadBytes - WIRE_OVERHEAD;

/** The direction from this instance to the other one. */
export class SendingHalf implements Sender {
  readonly #options: SendingHalfOptions;
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #nextSequence = 0;
  /** What was queued, and what was sent, ends within a frame. */
  #isMidFrame = false;
  #isSentMidFrame = false;
  /** The end of a message so far, too little to be a part of its own. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes since the start: sent; received by the other instance; taken by its socket. */
  #sent = 0;
  #received = 0;
  #taken = 0;
  /** When the other instance last acknowledged something, or had nothing to acknowledge. */
  #progressAt: number;

  constructor(options: SendingHalfOptions) {
    this.#options = options;
    this.#progressAt = options.clock.now();
  }

  /** Bytes that the other instance's socket has not taken. */
  get backlog(): number {
    return this.#queuedBytes + this.#sent - this.#taken;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** What was queued ends within a frame: a close waits for the end of it. */
  get isMidFrame(): boolean {
    return this.#isMidFrame;
  }

  /** Milliseconds without an acknowledgement of what was sent. */
  get waitedMs(): number {
    return this.#sent === this.#received ? 0 : this.#options.clock.now() - this.#progressAt;
  }

  /** The number of the message that is sent next. Those in the queue have numbers, but are not on their way. */
  get sequence(): number {
    return (this.#nextSequence - this.#queue.length) >>> 0;
  }

  /** Queues a part of a message. One that is too little, and not the last, goes with the next. */
  sendPart({ bytes, isText, ends }: Part): void {
    const whole = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    const tail = whole.byteLength % this.#options.chunkBytes;
    const end = ends || tail >= LEAST_PART_BYTES ? whole.byteLength : whole.byteLength - tail;
    this.#rest = end < whole.byteLength ? new Uint8Array(whole.subarray(end)) : undefined;
    if (end === 0 && !ends) return;
    this.#split(whole.subarray(0, end), (payload, isLast) => {
      const { handle } = this.#options;
      return { type: "data", handle, sequence: this.#number(), isText, hasMore: !(isLast && ends), payload };
    });
  }

  /** Queues a copy of frames as bytes. */
  sendSplice({ bytes, contents, tail, byteLength }: Splice): void {
    const wholeBytes = byteLength - tail;
    let end = 0;
    this.#split(bytes, (payload, isLast) => {
      end += payload.byteLength;
      return {
        type: "splice",
        handle: this.#options.handle,
        sequence: this.#number(),
        // Where frames end before the last end of all is not known here.
        tail: end < wholeBytes ? Infinity : end - wholeBytes,
        contents: isLast ? contents : NO_CONTENTS,
        payload,
      };
    });
    this.#isMidFrame = tail > 0;
  }

  /** Queues the close, behind all else. */
  sendClose(close: Close): void {
    this.#enqueue({ type: "close", handle: this.#options.handle, sequence: this.#number(), close });
  }

  sendNext(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    const { bytes } = next;
    this.#isSentMidFrame = next.tail > 0;
    this.#queuedBytes -= bytes.byteLength;
    if (this.#sent === this.#received) this.#progressAt = this.#options.clock.now();
    this.#sent += bytes.byteLength;
    this.#options.neighbor.sent(bytes.byteLength);
    this.#options.publish(bytes);
    if (this.#queue.length > 0) return true;
    this.#options.emptied();
    return false;
  }

  /** The other instance has received so many bytes since the start, and its socket has taken so many. */
  acknowledged(received: number, taken: number): void {
    const arrived = Math.min(received, this.#sent) - this.#received;
    if (arrived > 0) {
      this.#received += arrived;
      this.#progressAt = this.#options.clock.now();
      this.#options.neighbor.received(arrived);
    }
    this.#taken = Math.max(this.#taken, Math.min(taken, this.#sent));
  }

  /** Queues no more of the frame under way: its end will not come. */
  abandonFrame(): void {
    this.#isMidFrame = false;
  }

  /** Drops the queue, but for the end of a frame whose beginning was sent. */
  dropQueue(): void {
    const last = this.#isSentMidFrame ? this.#queue.findIndex(({ tail, length }) => tail < length) : -1;
    if (this.#isSentMidFrame && last < 0) return;
    const dropped = this.#queue.splice(last + 1);
    for (const { bytes } of dropped) this.#queuedBytes -= bytes.byteLength;
    this.#nextSequence = (this.#nextSequence - dropped.length) >>> 0;
    this.#isMidFrame = false;
  }

  /** The socket is gone: nothing is sent any more, and no acknowledgement is waited for. */
  end(): void {
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#options.neighbor.forget(this);
    this.#options.neighbor.received(this.#sent - this.#received);
  }

  /** Queues at least one message: an empty payload is one, too. */
  #split(
    bytes: Uint8Array<ArrayBuffer>,
    toMessage: (payload: Uint8Array<ArrayBuffer>, isLast: boolean) => LinkMessage,
  ): void {
    const { chunkBytes } = this.#options;
    let at = 0;
    for (; at + chunkBytes < bytes.byteLength; at += chunkBytes) {
      this.#enqueue(toMessage(bytes.subarray(at, at + chunkBytes), false));
    }
    this.#enqueue(toMessage(bytes.subarray(at), true));
  }

  #number(): number {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) >>> 0;
    return sequence;
  }

  #enqueue(message: LinkMessage): void {
    const bytes = encode(message);
    const [tail, length] = message.type === "splice" ? [message.tail, message.payload.byteLength] : [0, Infinity];
    this.#queue.push({ bytes, tail, length });
    this.#queuedBytes += bytes.byteLength;
    this.#options.neighbor.queue(this);
  }
}
