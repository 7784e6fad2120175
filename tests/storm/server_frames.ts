/**
 * Reads what a relay sends, as it comes: nothing is put together but control frames.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { OPCODE } from "./framing.ts";

/** Who hears it. */
export interface FramesListener {
  /** A message begins. */
  began(isText: boolean): void;
  /** Bytes of it, which are the reader's again afterwards. */
  came(bytes: Buffer): void;
  ended(): void;
  control(opcode: number, payload: Buffer): void;
  /** The relay has sent what no server may send. */
  broken(what: string): void;
}

const LONGEST_HEADER = 10;
const MOST_CONTROL_BYTES = 125;

/** The frames of one socket. */
export class ServerFrames {
  readonly #listener: FramesListener;
  /** Of the frame that has begun; the header first, then the payload if it is a control frame. */
  readonly #kept = Buffer.alloc(LONGEST_HEADER + MOST_CONTROL_BYTES);
  #keptLength = 0;
  /** Bytes of the frame under way that have not come; undefined between two. */
  #left: number | undefined;
  #isInMessage = false;

  constructor(listener: FramesListener) {
    this.#listener = listener;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      at += this.#left === undefined ? this.#header(bytes, at) : this.#payload(bytes, at);
    }
  }

  get #isControl(): boolean {
    return (this.#kept[0] & 0x08) !== 0;
  }

  /** Takes one byte. */
  #header(bytes: Buffer, at: number): 1 {
    const kept = this.#kept;
    kept[this.#keptLength++] = bytes[at];
    if (this.#keptLength < 2) return 1;
    const short = kept[1] & 0x7f;
    if (this.#keptLength < (short === 127 ? 10 : short === 126 ? 4 : 2)) return 1;
    this.#left = short === 127 ? Number(kept.readBigUInt64BE(2)) : short === 126 ? kept.readUInt16BE(2) : short;
    this.#check();
    if (this.#isControl) this.#keptLength = LONGEST_HEADER;
    if (this.#left === 0) this.#end();
    return 1;
  }

  #check(): void {
    const [first, second] = this.#kept;
    const opcode = first & 0x0f;
    if ((second & 0x80) !== 0 || (first & 0x70) !== 0) return this.#listener.broken("a mask or reserved bits");
    if (this.#isControl) {
      if (this.#left! > MOST_CONTROL_BYTES || (first & 0x80) === 0) {
        this.#listener.broken("a long or split control frame");
      }
    } else if ((opcode === OPCODE.continuation) !== this.#isInMessage || opcode > OPCODE.binary) {
      this.#listener.broken(`opcode ${opcode} ${this.#isInMessage ? "within" : "outside of"} a message`);
    } else if (opcode !== OPCODE.continuation) {
      this.#isInMessage = true;
      this.#listener.began(opcode === OPCODE.text);
    }
  }

  #payload(bytes: Buffer, at: number): number {
    const piece = bytes.subarray(at, at + this.#left!);
    if (this.#isControl) this.#keptLength += piece.copy(this.#kept, this.#keptLength);
    else this.#listener.came(piece);
    this.#left! -= piece.length;
    if (this.#left === 0) this.#end();
    return piece.length;
  }

  #end(): void {
    const first = this.#kept[0];
    const control = this.#isControl ? Buffer.from(this.#kept.subarray(LONGEST_HEADER, this.#keptLength)) : undefined;
    this.#left = undefined;
    this.#keptLength = 0;
    if (control !== undefined) return this.#listener.control(first & 0x0f, control);
    if ((first & 0x80) === 0) return;
    this.#isInMessage = false;
    this.#listener.ended();
  }
}
