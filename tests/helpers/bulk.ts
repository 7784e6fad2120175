/** Bulk whose messages are numbered, from one raw socket to another, and how it ends. */

import { assertEquals } from "@std/assert";
import { frameOf, type RawConnection, type RawFrame } from "./raw.ts";

const [BINARY, CLOSING] = [2, 8];
const KIB = 1024;

/**
 * Messages that are under way at most to a listener that is waited for: bulk, and no more than a busy machine reads in the
 * second that it has when a relay ends.
 */
const MOST_AHEAD = 8;

/** Sends as fast as it can, until it is stopped or hung up on. */
export class Speaker {
  #last: Uint8Array | undefined;
  readonly #done: Promise<void>;

  /** @param listener At the other end, if it is waited for. */
  constructor(raw: RawConnection, listener?: Listener) {
    this.#done = this.#speak(raw, listener).catch(() => {}); // hung up on
  }

  /** Ends with these bytes, behind a whole frame. */
  async stop(last: Uint8Array = new Uint8Array(0)): Promise<void> {
    this.#last = last;
    await this.#done;
  }

  async #speak(raw: RawConnection, listener?: Listener): Promise<void> {
    for (let i = 0; this.#last === undefined; i++) {
      await listener?.heard(i - MOST_AHEAD);
      await raw.write(numbered(i, 64 * KIB));
    }
    await raw.write(this.#last);
  }
}

/** Reads all there is, and notes how it ends. Messages out of order are an end of their own. */
export class Listener {
  readonly #bulk = Promise.withResolvers<void>();
  /** Bulk is under way. */
  readonly bulk = this.#bulk.promise;
  readonly end: Promise<{ code: number; reason: string } | undefined>;
  #came: () => void = () => {};
  #count = 0;
  #hasEnded = false;

  constructor(raw: RawConnection) {
    this.end = this.#listen(raw).finally(() => this.#hasEnded = true);
  }

  /** Resolves when so many messages have come, or no more will. */
  async heard(count: number): Promise<void> {
    while (this.#count < count && !this.#hasEnded) await Promise.race([this.next(), this.end]);
  }

  /** Resolves when the next message has come. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#came = resolve);
  }

  async #listen(raw: RawConnection): Promise<{ code: number; reason: string } | undefined> {
    for (let i = 0;; i++) {
      const frame = await raw.readFrame();
      if (frame?.opcode !== BINARY) return frame && closeOf(frame.payload);
      assertEquals(numberOf(frame), i);
      if (i === 10) this.#bulk.resolve();
      this.#count += 1;
      this.#came();
    }
  }
}

/** A message that begins with its number. */
export function numbered(number: number, length: number): Uint8Array {
  const payload = new Uint8Array(length);
  new DataView(payload.buffer).setUint32(0, number);
  return frameOf(BINARY, payload);
}

export function numberOf(frame: RawFrame | undefined): number | undefined {
  return frame && new DataView(frame.payload.buffer).getUint32(0);
}

export function closeFrame(code: number, reason = ""): Uint8Array {
  return frameOf(CLOSING, Uint8Array.of(code >> 8, code & 0xff, ...new TextEncoder().encode(reason)));
}

function closeOf(payload: Uint8Array): { code: number; reason: string } {
  return { code: (payload[0] << 8) | payload[1], reason: new TextDecoder().decode(payload.subarray(2)) };
}
