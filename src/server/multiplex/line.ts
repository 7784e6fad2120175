/**
 * Who waits for a turn.
 *
 * @module
 */

/** First in, first out. Moving on costs one step, however many wait. */
export class Line<T> {
  #items: T[] = [];
  #head = 0;

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): void {
    this.#head += 1;
    if (this.#head === this.#items.length) this.#items = [];
    else if (this.#head < 64 || this.#head * 2 < this.#items.length) return;
    else this.#items.splice(0, this.#head);
    this.#head = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at];
  }
}
