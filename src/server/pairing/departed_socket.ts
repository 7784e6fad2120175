/**
 * Stands for a socket that is gone. Its other side may be on its way from another instance, and then gets what the
 * socket said, and how it ended.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Ending, PeerSocket, SocketListener } from "../transport/transport.ts";

/** Tells each listener that it has closed, behind what is delivered in the same turn. */
export class DepartedSocket implements PeerSocket {
  readonly backlog = 0;
  readonly #ending: Ending;
  readonly #clock: Clock;
  readonly #closed: () => void;

  /** @param closed It is not needed any more. */
  constructor(ending: Ending, clock: Clock, closed: () => void) {
    this.#ending = ending;
    this.#clock = clock;
    this.#closed = closed;
  }

  send(): void {}

  close(): void {
    this.#closed();
  }

  listen(listener: SocketListener): void {
    this.#clock.after(0, () => listener.closed(this.#ending));
  }
}
