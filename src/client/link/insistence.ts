/**
 * Tells when the relay insists on an introduction that we saw no need to follow.
 *
 * The relay introduces a peer that waits for us after 2 s and then every 15 s. Who hears that while its own connection
 * seems open has a dead one: the network lost it, and nothing was sent that could have noticed. Who hears it and left
 * the peer to another client of its id, or wants none of it, is told that nobody else answers. Other introductions
 * prove nothing, as every Join of the other side brings one; so what counts is the interval.
 *
 * @module
 */

/** One for the Join that a waiting peer begins with, and two reminders. */
const ENOUGH = 3;
const INTERVAL_MS = 15_000;
/** A timer of the relay is late under load, and the network delays one reminder more than the other. */
const EARLY_MS = 1_000;
const LATE_MS = 3_000;

/** Looks for the relay's interval among the introductions to one peer about one document. */
export class Insistence {
  #count = 0;
  #latest = 0;

  /** Notes an introduction, and tells whether it is time to follow. `now` is in milliseconds. */
  heard(now: number): boolean {
    const gap = now - this.#latest;
    this.#latest = now;
    this.#count = gap > INTERVAL_MS + LATE_MS ? 1 : this.#count + 1;
    return this.#count >= ENOUGH && gap >= INTERVAL_MS - EARLY_MS;
  }

  /** The connection showed a sign of life, or the next introduction is one we ask for ourselves. */
  reset(): void {
    this.#count = 0;
  }
}
