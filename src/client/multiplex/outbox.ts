/**
 * What goes out, in the order in which it was said: a `Blob` has to be read first, and what follows it waits.
 *
 * @module
 */

/** Something to send, which may not be there yet. `size` is in bytes. */
export interface Item {
  readonly size: number;
  readonly bytes: Uint8Array | Promise<Uint8Array>;
  send(bytes: Uint8Array): void;
}

/** Sends at once what it can. */
export class Outbox {
  readonly #failed: (error: unknown) => void;
  readonly #items: Item[] = [];
  #waiting = 0;

  /** @param failed Hears that something could not be read: nothing goes out any more. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Bytes that have not gone out. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Nothing waits for something else. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  add(item: Item): void {
    if (this.#items.length === 0 && item.bytes instanceof Uint8Array) return item.send(item.bytes);
    this.#waiting += item.size;
    // Whoever sends may change its bytes as soon as this returns.
    this.#items.push(item.bytes instanceof Uint8Array ? { ...item, bytes: item.bytes.slice() } : item);
    if (this.#items.length === 1) this.#run().catch(this.#failed);
  }

  async #run(): Promise<void> {
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      item.send(await item.bytes);
      this.#waiting -= item.size;
      this.#items.shift();
    }
  }
}
