/**
 * Another instance, and how much may be on its way there.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";

/** Has something to send to the other instance. */
export interface Sender {
  /** Sends the next message, and says whether there are more. */
  sendNext(): boolean;
}

/**
 * A window of {@link LIMITS.windowBytes} that the other instance has not acknowledged. Beyond, everything for it waits
 * here, since NATS holds up an instance whose receiver is slow, and with it all that it sends to others. Senders are
 * scheduled round robin.
 */
export class Neighbor {
  #inFlight = 0;
  #isPumping = false;
  readonly #waiting = new Set<Sender>();

  /** @param id Its name on the bus. */
  constructor(readonly id: string) {}

  /** Lets a sender send what it has, now or when it is its turn. */
  queue(sender: Sender): void {
    this.#waiting.add(sender);
    this.#pump();
  }

  /** So many bytes were sent. */
  sent(bytes: number): void {
    this.#inFlight += bytes;
  }

  /** So many bytes have arrived, or no sender waits for their acknowledgement any more. */
  received(bytes: number): void {
    this.#inFlight -= bytes;
    this.#pump();
  }

  /** A sender has nothing to send any more. */
  forget(sender: Sender): void {
    this.#waiting.delete(sender);
  }

  #pump(): void {
    // What a sender does may lead back to here: the loop that is running goes on with it.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (const sender of this.#waiting) {
        if (this.#inFlight >= LIMITS.windowBytes) break;
        // To the end of the queue, which this loop gets to.
        this.#waiting.delete(sender);
        if (sender.sendNext()) this.#waiting.add(sender);
      }
    } finally {
      // Also when a sender throws: otherwise nothing would be sent to this instance any more.
      this.#isPumping = false;
    }
  }
}
