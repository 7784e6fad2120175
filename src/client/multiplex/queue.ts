/**
 * A queue.
 *
 * @module
 */

/** Items that were taken stay until they are so many, and half of all: a step for each, on average. */
const MOST_TAKEN = 64;

/** First in, first out, at the same cost at any length. */
export class Queue<Item> {
  #items: Item[] = [];
  #head = 0;

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): void {
    this.#head += 1;
    // What is done with is not kept while nothing waits.
    const isEmpty = this.#head === this.#items.length;
    if (!isEmpty && (this.#head < MOST_TAKEN || this.#head * 2 < this.#items.length)) return;
    this.#items.splice(0, this.#head);
    this.#head = 0;
  }
}
