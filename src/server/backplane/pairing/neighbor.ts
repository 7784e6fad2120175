/**
 * Another instance, and how much may be under way to it.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";

/** A half that has something to send. */
export interface Sender {
  /** Sends the next of it, and tells whether there is more. */
  sendNext(): boolean;
}

/**
 * Past {@link LIMITS.windowBytes} that the other instance has not said it received, everything to it waits here: the
 * engine holds up a sender whose receiver is slow, and with it all that it says to others. Senders take turns.
 */
export class Neighbor {
  #underWay = 0;
  #isPumping = false;
  readonly #waiting = new Set<Sender>();

  /** @param id Its name on the bus. */
  constructor(readonly id: string) {}

  /** Lets a half send what it has, now or in its turn. */
  queue(sender: Sender): void {
    this.#waiting.add(sender);
    this.#pump();
  }

  /** Something is under way. */
  sent(bytes: number): void {
    this.#underWay += bytes;
  }

  /** It has arrived, or nobody waits for it any more. */
  received(bytes: number): void {
    this.#underWay -= bytes;
    this.#pump();
  }

  /** A half has nothing to send any more. */
  forget(sender: Sender): void {
    this.#waiting.delete(sender);
  }

  #pump(): void {
    // What a sender does in its turn may lead back to here: the loop under way sees to it.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (const sender of this.#waiting) {
        if (this.#underWay >= LIMITS.windowBytes) break;
        // To the end of the queue, which this loop gets to.
        this.#waiting.delete(sender);
        if (sender.sendNext()) this.#waiting.add(sender);
      }
    } finally {
      // Also when a sender fails: or nothing would be sent to this instance any more.
      this.#isPumping = false;
    }
  }
}
