/**
 * A queue.
 *
 * @module
 */

/** Entries that are taken before their memory is freed. */
const MOST_TAKEN = 1_024;

/** First in, first out, at the same cost at any length: `shift` of a long array moves all of it. */
export class Queue<T> {
  #items: T[] = [];
  #taken = 0;

  get size(): number {
    return this.#items.length - this.#taken;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The next item, without taking it. */
  peek(): T | undefined {
    return this.#items[this.#taken];
  }

  shift(): T | undefined {
    if (this.size === 0) return;
    const item = this.#items[this.#taken++];
    if (this.size === 0) this.clear();
    else if (this.#taken >= MOST_TAKEN && this.#taken * 2 >= this.#items.length) this.#compact();
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#taken = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#taken; at < this.#items.length; at++) yield this.#items[at];
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
}
