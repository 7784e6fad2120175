/**
 * WebSocket messages, and parts of them, as the relay passes them on.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** One WebSocket message: text as a string, binary as bytes. Neither ever becomes the other. */
export type Message = string | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Bytes of a message on the wire, without its header. */
export function messageBytes(message: Message): number {
  return typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
}

/** About the bytes that a message takes in memory: to measure text as UTF-8 takes longer than to send it. */
export function memoryBytes(message: Message): number {
  return typeof message === "string" ? message.length : message.byteLength;
}

/** A binary message as bytes, in the same memory. */
export function asBytes(message: Exclude<Message, string>): Uint8Array<ArrayBuffer> {
  return message instanceof Uint8Array ? message : new Uint8Array(message);
}

/** A message, or a part of one, as bytes: what streams send and take, and transports that send fragments take. */
export class Part {
  /**
   * Makes a view only when {@link Part.bytes} is read: for small messages a view costs more than all else.
   *
   * @param source Contains the bytes, from `from` up to `to`.
   * @param isText The same for all parts of one message. Text may be cut within a character.
   * @param begins It is the first of its message.
   * @param ends It is the last one.
   */
  constructor(
    readonly source: Uint8Array<ArrayBuffer>,
    readonly isText: boolean,
    readonly begins: boolean,
    readonly ends: boolean,
    readonly from = 0,
    readonly to: number = source.byteLength,
  ) {}

  /** A whole message as one part. A binary one stays in its memory. */
  static of(message: Message): Part {
    const isText = typeof message === "string";
    return new Part(isText ? Buffer.from(message) : asBytes(message), isText, true, true);
  }

  get byteLength(): number {
    return this.to - this.from;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.byteLength === this.source.byteLength ? this.source : this.source.subarray(this.from, this.to);
  }

  /**
   * A copy where this is a view, which would keep the whole frame that was read in memory. A part of a frame is one:
   * it never fills the memory that the frame stands in.
   */
  detached(): Part {
    const isView = this.byteLength < this.source.buffer.byteLength;
    return isView ? new Part(this.source.slice(this.from, this.to), this.isText, this.begins, this.ends) : this;
  }
}

/** Joins the parts of one message, which may cut text within a character. */
export function assemble(parts: readonly Uint8Array<ArrayBuffer>[], isText: boolean): Message {
  const whole = parts.length === 1
    ? Buffer.from(parts[0].buffer, parts[0].byteOffset, parts[0].byteLength)
    : Buffer.concat(parts);
  return isText ? whole.toString() : whole;
}
