/**
 * Tells turns of the event loop apart.
 *
 * @module
 */

/** What the runtime changes only between turns need not be asked for twice in one. */
export class TurnCounter {
  #count = 0;
  #hasBegun = false;
  readonly #end = () => void (this.#hasBegun = false);

  /** The number of this turn. It ends with its microtasks, and the runtime writes to no socket before. */
  get current(): number {
    if (this.#hasBegun) return this.#count;
    this.#hasBegun = true;
    queueMicrotask(this.#end);
    return ++this.#count;
  }
}
