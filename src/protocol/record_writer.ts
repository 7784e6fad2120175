/**
 * Writes records into frames.
 *
 * @module
 */

import type { Close } from "./close.ts";
import { WIRE_LIMITS } from "./limits.ts";
import { FLAG, KIND, type Opening } from "./records.ts";
import { varintLength, writeVarint } from "./varint.ts";

const FIRST_BYTES = 512;
/** Bytes of the longest header: a stream of 5, a kind, a length of 3. */
const HEADER_BYTES = 9;

/** Whether a part of a message is text, and whether more of it follows. */
export interface PartFlags {
  readonly text: boolean;
  readonly more: boolean;
  /** Where the part begins and ends in the bytes that are given, if it is not all of them. */
  readonly from?: number;
  readonly to?: number;
}

/** A part of a message, and where its bytes are. */
export interface WholePart {
  readonly source: Uint8Array;
  readonly isText: boolean;
  readonly ends: boolean;
  readonly from: number;
  readonly to: number;
}

/** Up to so many bytes it is five times as fast to copy word by word as to make a view and copy that. */
const SMALL_BYTES = 256;

/**
 * A frame under construction. Who writes a record asks first whether it {@link RecordWriter.fits}, and takes the frame
 * when it does not.
 */
export class RecordWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** Where the latest small payload was. */
  #source: Uint8Array | undefined;
  #sourceView: DataView = this.#view;

  /** Bytes written since the last {@link RecordWriter.take}. */
  get byteLength(): number {
    return this.#length;
  }

  /** Whether a record may have so many bytes of payload, and fits the frame. */
  fits(length: number): boolean {
    return length <= WIRE_LIMITS.recordBytes && this.#length + HEADER_BYTES + length <= WIRE_LIMITS.recordFrameBytes;
  }

  /** Begins a conversation. The payload takes at most 6.1 KiB. */
  open(stream: number, { userName, documentId }: Opening): void {
    this.#record(stream, KIND.open, new TextEncoder().encode(JSON.stringify({ userName, documentId })));
  }

  opened(stream: number): void {
    this.#header(stream, KIND.opened, 0);
  }

  /** @param payload At most {@link WIRE_LIMITS.recordBytes}. */
  data(stream: number, payload: Uint8Array, { text, more, from = 0, to = payload.byteLength }: PartFlags): void {
    this.#header(stream, KIND.data | (text ? FLAG.text : 0) | (more ? FLAG.more : 0), to - from);
    if (to - from > SMALL_BYTES) {
      return this.#append(to - from < payload.byteLength ? payload.subarray(from, to) : payload);
    }
    this.#appendSmall(payload, from, to);
  }

  /** The same for a whole part: of small ones there are so many that even flags cost. */
  part(stream: number, { source, isText, ends, from, to }: WholePart): void {
    this.#header(stream, KIND.data | (isText ? FLAG.text : 0) | (ends ? 0 : FLAG.more), to - from);
    if (to - from > SMALL_BYTES) this.#append(source.subarray(from, to));
    else this.#appendSmall(source, from, to);
  }

  /** Records that are written already. */
  records(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#append(bytes);
  }

  /** @param bytes From 1 to 2^31-1. */
  window(stream: number, bytes: number): void {
    this.#header(stream, KIND.window, varintLength(bytes));
    this.#length = writeVarint(this.#bytes, this.#length, bytes);
  }

  /** @param close Its reason takes at most {@link WIRE_LIMITS.closeReasonBytes}. */
  close(stream: number, { code, reason }: Close): void {
    const text = new TextEncoder().encode(reason);
    this.#header(stream, KIND.close, 2 + text.byteLength);
    this.#bytes[this.#length++] = code >> 8;
    this.#bytes[this.#length++] = code & 0xff;
    this.#append(text);
  }

  /** The frame, in memory of its own; the next one begins. */
  take(): Uint8Array<ArrayBuffer> {
    return this.takeView().slice();
  }

  /** The same for who copies it before the next record is written. */
  takeView(): Uint8Array<ArrayBuffer> {
    const frame = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    this.#source = undefined;
    this.#sourceView = this.#view;
    return frame;
  }

  #record(stream: number, kind: number, payload: Uint8Array): void {
    this.#header(stream, kind, payload.byteLength);
    this.#append(payload);
  }

  #header(stream: number, kind: number, length: number): void {
    this.#reserve(HEADER_BYTES + length);
    let at = writeVarint(this.#bytes, this.#length, stream);
    this.#bytes[at++] = kind;
    this.#length = writeVarint(this.#bytes, at, length);
  }

  #append(payload: Uint8Array): void {
    this.#bytes.set(payload, this.#length);
    this.#length += payload.byteLength;
  }

  /** The payloads of many records are often in one frame: its view is kept. */
  #appendSmall(payload: Uint8Array, from: number, to: number): void {
    if (this.#source !== payload) {
      this.#source = payload;
      this.#sourceView = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    }
    const [into, source] = [this.#view, this.#sourceView];
    let at = this.#length;
    let i = from;
    for (; i + 4 <= to; i += 4, at += 4) into.setInt32(at, source.getInt32(i));
    for (; i < to; i++) this.#bytes[at++] = payload[i];
    this.#length = at;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
