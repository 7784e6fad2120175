/**
 * Reads spliced frames as messages, for an instance whose transport knows only those.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { FINAL, OPCODE } from "../websocket/encode.ts";
import type { Message } from "../core/message.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What some bytes held: messages that ended, and pings that somebody has to answer. */
export interface SpliceParts {
  readonly messages: Message[];
  readonly pings: Bytes[];
}

/**
 * One direction of a pair. What it is given was walked by `frames.ts`: it is well-formed, unmasked, bounded, and never
 * cut within a header or a control frame.
 */
export class SpliceReader {
  readonly #parts: Bytes[] = [];
  /** Payload bytes of the current frame that have not come. */
  #left = 0;
  #isText = false;
  #isFinal = false;

  read(bytes: Bytes): SpliceParts {
    const found: SpliceParts = { messages: [], pings: [] };
    for (let at = 0; at < bytes.byteLength;) {
      at = this.#left > 0 ? this.#payload(bytes, at, found) : this.#header(bytes, at, found);
    }
    return found;
  }

  #header(bytes: Bytes, at: number, found: SpliceParts): number {
    const opcode = bytes[at] & 0x0f;
    const { length, from } = lengthOf(bytes, at + 1);
    if (opcode === OPCODE.ping) found.pings.push(bytes.slice(from, from + length));
    // Of control frames only pings want an answer, and no close is ever spliced.
    if (opcode >= OPCODE.close) return from + length;
    if (opcode !== OPCODE.continuation) this.#isText = opcode === OPCODE.text;
    this.#isFinal = (bytes[at] & FINAL) !== 0;
    this.#left = length;
    return length === 0 ? this.#endFrame(from, found) : from;
  }

  #payload(bytes: Bytes, at: number, found: SpliceParts): number {
    const taken = Math.min(this.#left, bytes.byteLength - at);
    // A copy: the bytes are part of a chunk that is read into again.
    this.#parts.push(bytes.slice(at, at + taken));
    this.#left -= taken;
    return this.#left === 0 ? this.#endFrame(at + taken, found) : at + taken;
  }

  #endFrame(at: number, found: SpliceParts): number {
    if (this.#isFinal) found.messages.push(assemble(this.#parts.splice(0), this.#isText));
    return at;
  }
}

/** One message of its parts, which may cut text within a character. */
export function assemble(parts: readonly Bytes[], isText: boolean): Message {
  const whole = Buffer.concat(parts);
  return isText ? whole.toString() : whole;
}

/** The payload length of a frame, and where its payload begins. */
function lengthOf(bytes: Bytes, at: number): { length: number; from: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const short = bytes[at] & 0x7f;
  if (short === 126) return { length: view.getUint16(at + 1), from: at + 3 };
  return short === 127 ? { length: Number(view.getBigUint64(at + 1)), from: at + 9 } : { length: short, from: at + 1 };
}
