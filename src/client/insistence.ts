/**
 * Tells when the relay insists on an introduction that we saw no need to follow.
 *
 * The relay introduces a peer that waits for us after 2 s and then every 15 s. Who hears that while its own connection
 * seems open has a dead one: the network lost it, and nothing was sent that could have noticed. Single introductions
 * prove nothing, as every Join of the other side brings one.
 *
 * @module
 */

const ENOUGH = 3;
const OVER_MS = 14_000; // a burst of Joins is shorter than one of the relay's intervals
const AT_MOST_APART_MS = 20_000; // an interval, and the delay of a slow network

/** Counts introductions that belong together. */
export class Insistence {
  #count = 0;
  #first = 0;
  #latest = 0;

  /** Notes an introduction, and tells whether it is time to follow. `now` is in milliseconds. */
  heard(now: number): boolean {
    if (this.#count === 0 || now - this.#latest > AT_MOST_APART_MS) {
      this.#count = 0;
      this.#first = now;
    }
    this.#latest = now;
    this.#count += 1;
    return this.#count >= ENOUGH && now - this.#first >= OVER_MS;
  }

  /** The connection showed a sign of life. */
  reset(): void {
    this.#count = 0;
  }
}
