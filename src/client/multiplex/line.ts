/**
 * First come, first served.
 *
 * @module
 */

/** Those who are served stay in the list until they are so many, and half of it: a step for each, on average. */
const LEAST_SERVED = 64;

/** A queue that costs the same however long it is. */
export class Line<Item> {
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
    if (!isEmpty && (this.#head < LEAST_SERVED || this.#head * 2 < this.#items.length)) return;
    this.#items.splice(0, this.#head);
    this.#head = 0;
  }
}
