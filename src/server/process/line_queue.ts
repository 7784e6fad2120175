/**
 * Lines on their way to stdout or stderr. Whoever reads them slowly, or reads them no more, holds nobody up.
 *
 * @module
 */

import { type Clock, within } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** Where lines go: `Deno.stdout` or `Deno.stderr`. */
export interface Output {
  /** Writes some of the bytes, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A bounded queue that is written in the background. What finds no room is dropped, and counted. */
export class LineQueue {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #tellDropped: (lines: number) => void;
  #waiting: string[] = [];
  /** Characters of the lines that wait, and of those that are being written. */
  #length = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;

  /** @param tellDropped Hears how many lines were dropped, as soon as a line that tells it has room in their place. */
  constructor(output: Output, clock: Clock, tellDropped: (lines: number) => void = () => {}) {
    this.#output = output;
    this.#clock = clock;
    this.#tellDropped = tellDropped;
  }

  /** Takes a line, with its line feed. Never waits and never throws. */
  push(line: string): void {
    if (this.#length + line.length > LIMITS.lineQueueLength) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#length += line.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all is written, or when nobody took it for {@link LIMITS.flushMs}. */
  async flush(): Promise<void> {
    await within(this.#clock, LIMITS.flushMs, this.#writing ?? Promise.resolve());
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.join("");
      this.#waiting = [];
      await this.#write(new TextEncoder().encode(batch));
      this.#length -= batch.length;
      this.#confess();
    }
    this.#writing = undefined;
  }

  #confess(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    if (lines > 0) this.#tellDropped(lines);
  }

  /** Tries again for ever: a full disk gets room, and a reader that was away comes back. */
  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.byteLength;) {
      try {
        written += await this.#output.write(bytes.subarray(written));
      } catch {
        await new Promise<void>((resolve) => this.#clock.after(LIMITS.writeAgainMs, resolve));
      }
    }
  }
}
