/**
 * What a remote socket receives from the other instance: checked, delivered, and acknowledged.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import { type Message, Part } from "../../core/message.ts";
import { type Chunk, Splice, type SpliceContents } from "../../transport/transport.ts";
import type { LinkMessage } from "../codec.ts";
import type { LossReason } from "./loss.ts";
import { LEAST_PART_BYTES } from "./sending_half.ts";

/** What a receiving half needs. */
export interface ReceivingHalfOptions {
  readonly clock: Clock;
  /** Bytes of one message between peers. */
  readonly maxMessageBytes: number;
  /** Whether the socket here takes frames as bytes. */
  readonly splices: boolean;
  /**
   * Acknowledges how many bytes since the start have come, and how many of them the socket here has taken.
   */
  readonly acknowledge: (received: number, taken: number) => void;
  readonly deliver: (chunk: Chunk) => void;
  readonly lose: (reason: LossReason) => void;
}

/** A message of the other instance that has a number. */
type Numbered = Extract<LinkMessage, { sequence: number }>;

/** The direction from the other instance to this one. */
export class ReceivingHalf {
  readonly #options: ReceivingHalfOptions;
  #expectedSequence = 0;
  /** What was delivered ends within a frame. */
  #isMidFrame = false;
  /** Bytes that have come of a message that has not ended. */
  #partBytes: number | undefined;
  /** Bytes of frames that came as bytes, and the least that their stated contents take. */
  readonly #spliced = { bytes: 0, least: 0 };
  /** Bytes since the start: received, and acknowledged as received and as taken. */
  #received = 0;
  #acknowledgedReceived = 0;
  #acknowledgedTaken = 0;
  /** Bytes that had come when the socket here became slow. */
  #receivedWhenPaused: number | undefined;
  #acknowledgement: Timer | undefined;
  #isEnded = false;

  constructor(options: ReceivingHalfOptions) {
    this.#options = options;
  }

  /** What was delivered ends within a frame: a close waits for the end of it. */
  get isMidFrame(): boolean {
    return this.#isMidFrame;
  }

  /** Whether nothing is missing before this message. */
  isNext({ sequence }: Numbered): boolean {
    return sequence === this.#expectedSequence;
  }

  /** Counts the next message; `size` is its length on the bus. */
  count(size: number): void {
    this.#expectedSequence = (this.#expectedSequence + 1) >>> 0;
    this.#received += size;
  }

  /** Delivers what is in a message. @param isClosing Only the end of the frame under way still counts. */
  deliver(message: LinkMessage, isClosing: boolean): void {
    if (message.type === "data") this.#deliverPart(message.payload, message.isText, message.hasMore);
    else if (message.type === "splice") {
      this.#deliverSplice(new Splice(message.payload, message.contents, message.tail), isClosing);
    }
  }

  /** The end of the frame under way is not waited for. */
  abandonFrame(): void {
    this.#isMidFrame = false;
  }

  /** The socket here is slow: until {@link ReceivingHalf.resume} nothing more is acknowledged as taken. */
  pause(): void {
    this.#receivedWhenPaused ??= this.#received;
  }

  resume(): void {
    this.#receivedWhenPaused = undefined;
    this.acknowledge();
  }

  /** Acknowledges much at once, and little in a while. */
  acknowledgeSoon(): void {
    if (this.#isEnded) return;
    if (this.#received - this.#acknowledgedReceived >= LIMITS.acknowledgeBytes) return this.acknowledge();
    this.#acknowledgement ??= this.#options.clock.after(LIMITS.acknowledgeMs, () => this.acknowledge());
  }

  acknowledge(): void {
    this.#acknowledgement?.cancel();
    this.#acknowledgement = undefined;
    if (this.#isEnded) return;
    this.#acknowledgedReceived = this.#received;
    this.#acknowledgedTaken = Math.max(this.#acknowledgedTaken, this.#receivedWhenPaused ?? this.#received);
    this.#options.acknowledge(this.#acknowledgedReceived, this.#acknowledgedTaken);
  }

  /** The socket is gone: nothing is acknowledged any more. */
  end(): void {
    this.#isEnded = true;
    this.#acknowledgement?.cancel();
  }

  #deliverSplice(splice: Splice, isClosing: boolean): void {
    if (!this.#isPlausible(splice)) return this.#options.lose("malformed");
    const { tail, byteLength } = splice;
    this.#isMidFrame = isClosing ? this.#isMidFrame && tail >= byteLength : tail > 0;
    this.#options.deliver(splice);
  }

  /** There cannot be more in frames than they are long. An instance that takes only messages is sent no frames. */
  #isPlausible({ contents, byteLength }: Splice): boolean {
    this.#spliced.bytes += byteLength;
    this.#spliced.least += leastBytes(contents);
    return this.#options.splices && this.#spliced.least <= this.#spliced.bytes;
  }

  /** A message that came in one piece is passed on as such, another one part by part: nothing is kept here. */
  #deliverPart(payload: Uint8Array<ArrayBuffer>, isText: boolean, hasMore: boolean): void {
    if (hasMore && payload.byteLength < LEAST_PART_BYTES) return this.#options.lose("malformed");
    const begins = this.#partBytes === undefined;
    const bytes = (this.#partBytes ?? 0) + payload.byteLength;
    if (bytes > this.#options.maxMessageBytes) return this.#options.lose("too big");
    this.#partBytes = hasMore ? bytes : undefined;
    const isWhole = begins && !hasMore;
    this.#options.deliver(isWhole ? toMessage(payload, isText) : new Part(payload, isText, begins, !hasMore));
  }
}

/** Bytes that frames with these contents have at least. */
function leastBytes({ messages, emptyFrames, text, binary, textBytes, binaryBytes }: SpliceContents): number {
  return Math.max(messages, emptyFrames, text + binary, textBytes + binaryBytes);
}

function toMessage(bytes: Uint8Array<ArrayBuffer>, isText: boolean): Message {
  return isText ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : bytes;
}
