/**
 * Assembles messages from frames as a server sends them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { PayloadReader, type PieceType } from "./payload_reader.ts";
import { FINAL, OPCODE, payloadLength, payloadStart } from "./encode.ts";
import type { Message } from "../core/message.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The first capacity, in bytes, for a message that comes in parts. */
const FIRST_CAPACITY = 1024;

/** One direction of a connection. Its input is that of a {@link PayloadReader}. */
export class MessageReader {
  readonly #payloads = new PayloadReader();
  readonly #mostBytes: number;
  /** The beginning of a message that has not ended, in one buffer, since a message can come byte by byte. */
  #kept: Bytes = NOTHING;
  #length = 0;

  /** @param mostBytes A longer message is cut to one byte more, so that its reader can refuse it. */
  constructor(mostBytes = Infinity) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes kept for a message that has not ended. */
  get keptBytes(): number {
    return this.#kept.byteLength;
  }

  /** Whether these bytes are one binary message that came in one frame. */
  isOneFrame(bytes: Bytes): boolean {
    if (!this.#payloads.atFrameBoundary || bytes[0] !== (FINAL | OPCODE.binary)) return false;
    return payloadStart(bytes, 0) + payloadLength(bytes, 0) === bytes.byteLength;
  }

  /** Returns the messages that have ended. Binary ones that came whole are views of the bytes. */
  read(bytes: Bytes): Message[] {
    const messages: Message[] = [];
    this.#payloads.read(bytes, (piece, type) => this.#take(piece, type, messages));
    return messages;
  }

  #take(piece: Bytes, { isText, ends }: PieceType, messages: Message[]): void {
    if (ends && this.#length === 0) {
      messages.push(toMessage(piece.subarray(0, this.#mostBytes + 1), isText));
      return;
    }
    this.#keep(piece);
    if (!ends) return;
    messages.push(toMessage(this.#kept.subarray(0, this.#length), isText));
    this.#kept = NOTHING;
    this.#length = 0;
  }

  /** Copies the bytes, since their buffer is read into again. */
  #keep(part: Bytes): void {
    const wanted = part.subarray(0, this.#mostBytes + 1 - this.#length);
    const length = this.#length + wanted.byteLength;
    if (length > this.#kept.byteLength) {
      const larger = new Uint8Array(Math.max(FIRST_CAPACITY, length, Math.min(2 * length, this.#mostBytes + 1)));
      larger.set(this.#kept.subarray(0, this.#length));
      this.#kept = larger;
    }
    this.#kept.set(wanted, this.#length);
    this.#length = length;
  }
}

const NOTHING = new Uint8Array(0);

/** A binary message is a view. */
function toMessage(bytes: Bytes, isText: boolean): Message {
  return isText ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : bytes;
}
