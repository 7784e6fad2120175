/**
 * What happens to streams, as records in binary frames: `stream (varint) · kind (u8) · length (varint) · payload`.
 *
 * @module
 */

import type { Close } from "./close.ts";
import { idProblem } from "./ids.ts";
import { WIRE_LIMITS } from "./limits.ts";
import { VarintReader } from "./varint.ts";
import { Violation } from "./violation.ts";

/** What a record says: the low four bits of its kind. */
export const KIND = {
  /** Client: begins a conversation, under the last number plus 1. Payload: JSON `{userName, documentId}`. */
  open: 1,
  /** Relay: the other side is there. No payload. */
  opened: 2,
  /** Both: a message, or a part of one. */
  data: 3,
  /** Both: so many bytes more may be sent. Payload: a varint, at least 1. */
  window: 4,
  /** Both: the end of both directions. Payload: u16 code (big-endian), UTF-8 reason. */
  close: 5,
} as const;

/** What is said of data besides: the high four bits of its kind. */
export const FLAG = {
  /** The message is text. All parts of one message say the same. */
  text: 0x10,
  /** More of this message follows. */
  more: 0x20,
} as const;

/** Whom a conversation is with, and what about. */
export interface Opening {
  readonly userName: string;
  readonly documentId: string;
}

/** What a record of data costs of the credit. @param length Bytes of its payload. */
export function creditCost(length: number): number {
  return length + WIRE_LIMITS.recordCost;
}

/** Bytes of the least record that a message is cut down to for want of credit. */
const LEAST_RECORD_BYTES = 8 * 1024;

/**
 * Bytes of payload that the next record of a message may have, or undefined when there is not enough credit.
 *
 * @param rest Bytes of the message that are not written.
 */
export function recordLength(rest: number, credit: number): number | undefined {
  const length = Math.min(rest, WIRE_LIMITS.recordBytes);
  if (creditCost(length) <= credit) return length;
  const affordable = credit - creditCost(0);
  return affordable >= LEAST_RECORD_BYTES ? affordable : undefined;
}

/**
 * Reads the records of one frame, one after the other, without a copy.
 *
 * ```ts
 * const record = new RecordReader(frame);
 * while (record.next()) if (record.kind === KIND.data) take(record.stream, record.payload);
 * ```
 *
 * Whatever is wrong with a record throws a {@link Violation}: from `next`, or from the getter that reads it.
 */
export class RecordReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #numbers: VarintReader;
  #stream = 0;
  #kind = 0;
  #length = 0;
  /** Records that were read. */
  count = 0;

  constructor(frame: Uint8Array<ArrayBuffer>) {
    if (frame.byteLength > WIRE_LIMITS.recordFrameBytes) throw new Violation("frame is too long");
    this.#bytes = frame;
    this.#numbers = new VarintReader(frame, 0, frame.byteLength);
  }

  /** 1 to 2^32-1. */
  get stream(): number {
    return this.#stream;
  }

  /** One of {@link KIND}. */
  get kind(): number {
    return this.#kind & 0x0f;
  }

  get isText(): boolean {
    return (this.#kind & FLAG.text) !== 0;
  }

  get hasMore(): boolean {
    return (this.#kind & FLAG.more) !== 0;
  }

  /** Bytes of the payload. */
  get length(): number {
    return this.#length;
  }

  /** Where the payload is. */
  get frame(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get payloadStart(): number {
    return this.#numbers.offset - this.#length;
  }

  get payloadEnd(): number {
    return this.#numbers.offset;
  }

  /** A view of the frame. */
  get payload(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.payloadStart, this.payloadEnd);
  }

  get isAtEnd(): boolean {
    return this.#numbers.offset === this.#numbers.end;
  }

  /** Goes to the next record. False: there is none. */
  next(): boolean {
    const numbers = this.#numbers;
    if (this.isAtEnd) return false;
    this.#stream = numbers.next();
    if (this.#stream === 0) throw new Violation("stream is 0");
    this.#kind = this.#readKind();
    this.#length = numbers.next();
    if (this.#length > WIRE_LIMITS.recordBytes) throw new Violation("record is too long");
    numbers.offset += this.#length;
    if (numbers.offset > numbers.end) throw new Violation("record is cut off");
    if (this.kind === KIND.opened && this.#length > 0) throw new Violation("opened has a payload");
    this.count += 1;
    return true;
  }

  /** So many records behind this one were read by somebody else: goes to their end, an offset in the frame. */
  skipTo(end: number, records: number): void {
    this.#numbers.offset = end;
    this.count += records;
  }

  /** The credit of a window record: 1 to 2^31-1. */
  get windowBytes(): number {
    const end = this.#numbers.offset;
    const numbers = new VarintReader(this.#bytes, end - this.#length, end);
    const bytes = numbers.next();
    if (numbers.offset !== end) throw new Violation("window has more than a number");
    if (bytes === 0 || bytes > WIRE_LIMITS.creditBytes) throw new Violation("window is 0 or beyond 2^31-1");
    return bytes;
  }

  /** What a close record says. */
  get close(): Close {
    const payload = this.payload;
    if (payload.byteLength < 2) throw new Violation("close has no code");
    if (payload.byteLength > 2 + WIRE_LIMITS.closeReasonBytes) throw new Violation("close reason is too long");
    return { code: payload[0] * 0x100 + payload[1], reason: readText(payload.subarray(2), "close reason") };
  }

  /** What an open record says. */
  get opening(): Opening {
    const { userName, documentId } = (readJson(readText(this.payload, "open")) ?? {}) as Record<string, unknown>;
    if (idProblem(userName) !== undefined) throw new Violation("open has no valid userName");
    if (idProblem(documentId) !== undefined) throw new Violation("open has no valid documentId");
    return { userName: userName as string, documentId: documentId as string };
  }

  #readKind(): number {
    if (this.#numbers.offset >= this.#numbers.end) throw new Violation("record is cut off");
    const kind = this.#bytes[this.#numbers.offset++];
    const base = kind & 0x0f;
    if (base < KIND.open || base > KIND.close) throw new Violation("kind is unknown");
    if (kind > base && (base !== KIND.data || kind > (KIND.data | FLAG.text | FLAG.more))) {
      throw new Violation("flag is unknown");
    }
    return kind;
  }
}

function readText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Violation(`${what} is not UTF-8`);
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Violation("open is not JSON");
  }
}
