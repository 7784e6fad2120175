/**
 * Lets the runtime ask the system for events now and then: it does not while reads and writes that are ready follow each
 * other, and those who wait for their handshake would wait for seconds.
 *
 * @module
 */

/** Bytes read and written after which it does. An operation costs something, too. */
const BYTES = 1024 * 1024;
const OPERATION_BYTES = 8 * 1024;

/** Shared by all who read and write. */
export class Pace {
  #bytes = 0;
  #rest: Promise<void> | undefined;

  /** Resolves when the next operation may begin. */
  async after(bytes: number): Promise<void> {
    this.#bytes += bytes + OPERATION_BYTES;
    if (this.#bytes >= BYTES) await (this.#rest ??= this.#ask());
  }

  async #ask(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#bytes = 0;
    this.#rest = undefined;
  }
}
