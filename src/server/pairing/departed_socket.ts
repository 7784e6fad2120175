/**
 * A socket that is gone, in place of it: its other side may be on its way from another instance, and shall hear what it
 * said, and how it ended.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Ending, PeerSocket, SocketListener } from "../transport/transport.ts";

/** Tells each listener of its end, behind what is said in the same turn. */
export class DepartedSocket implements PeerSocket {
  readonly backlog = 0;
  readonly #ending: Ending;
  readonly #clock: Clock;
  readonly #closed: () => void;

  /** @param closed It is not waited for any more. */
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
