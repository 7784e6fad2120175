/**
 * A queue of lines for stdout or stderr, so that a slow reader of them does not block the relay.
 *
 * @module
 */

import { type Clock, within } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** Where lines go: `Deno.stdout` or `Deno.stderr`. */
export interface Output {
  /** Writes some of the bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A bounded queue that is written in the background. It drops and counts lines that find no room. */
export class LineQueue {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #reportDropped: (lines: number) => void;
  #waiting: string[] = [];
  /** Characters of the lines that wait, and of those that are being written. */
  #length = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;

  /** @param reportDropped Called with the number of dropped lines, as soon as there is room for a line about it. */
  constructor(output: Output, clock: Clock, reportDropped: (lines: number) => void = () => {}) {
    this.#output = output;
    this.#clock = clock;
    this.#reportDropped = reportDropped;
  }

  /** Queues a line, with its line feed. Never waits and never throws. */
  push(line: string): void {
    if (this.#length + line.length > LIMITS.lineQueueLength) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#length += line.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all is written, or after {@link LIMITS.flushMs}. */
  async flush(): Promise<void> {
    await within(this.#clock, LIMITS.flushMs, this.#writing ?? Promise.resolve());
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.join("");
      this.#waiting = [];
      await this.#write(new TextEncoder().encode(batch));
      this.#length -= batch.length;
      this.#reportDrops();
    }
    this.#writing = undefined;
  }

  #reportDrops(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    if (lines > 0) this.#reportDropped(lines);
  }

  /** Tries again without end: a full disk may get room, and a reader may come back. */
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
