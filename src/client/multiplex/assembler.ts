/**
 * Puts the messages of one stream together.
 *
 * @module
 */

import { CLOSE, type Close, Violation } from "../../protocol.ts";

/** What a part says of its message. */
export interface PartType {
  readonly isText: boolean;
  readonly hasMore: boolean;
}

/** Bytes that are set aside for a message with more than one part. */
const FIRST_BYTES = 64 * 1024;

/** Parts of at most one message, in one piece of memory: however small they are, they weigh no more than the message. */
export class Assembler {
  #memory = new Uint8Array(0);
  #bytes = 0;
  /** Of the message that has begun and not ended. */
  #isText: boolean | undefined;

  /**
   * The message of which this is the last part, in memory of its own; undefined when more is to come; how its stream has
   * to be closed, when something is wrong with it. Throws a {@link Violation} for a part that is not of the same type.
   *
   * @param payload A view of a frame.
   * @param most Bytes of one message.
   */
  add(payload: Uint8Array, { isText, hasMore }: PartType, most: number): string | ArrayBuffer | Close | undefined {
    if (this.#isText !== undefined && isText !== this.#isText) throw new Violation("message changes its type");
    if (this.#bytes + payload.byteLength > most) return CLOSE.tooBig;
    if (!hasMore && this.#isText === undefined) return finish(payload, isText);
    this.#isText = isText;
    this.#append(payload);
    if (hasMore) return undefined;
    const message = finish(this.#memory.subarray(0, this.#bytes), isText);
    this.clear();
    return message;
  }

  /** Gives up what is unfinished. */
  clear(): void {
    this.#memory = new Uint8Array(0);
    this.#bytes = 0;
    this.#isText = undefined;
  }

  #append(payload: Uint8Array): void {
    const needed = this.#bytes + payload.byteLength;
    if (needed > this.#memory.byteLength) {
      const larger = new Uint8Array(Math.max(needed, this.#memory.byteLength * 2, FIRST_BYTES));
      larger.set(this.#memory.subarray(0, this.#bytes));
      this.#memory = larger;
    }
    this.#memory.set(payload, this.#bytes);
    this.#bytes = needed;
  }
}

function finish(bytes: Uint8Array, isText: boolean): string | ArrayBuffer | Close {
  if (!isText) return bytes.slice().buffer as ArrayBuffer;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return CLOSE.notUtf8;
  }
}
