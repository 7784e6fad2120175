/**
 * Sockets that are opened only to be closed with a code, in place of a refusal by HTTP.
 *
 * The released client 4.2.2 does not listen to errors of its connections, and on Node such a refusal ends its process.
 *
 * @module
 */

import type { Close } from "../protocol.ts";
import type { Clock, Timer } from "./core/clock.ts";
import { LIMITS } from "./core/limits.ts";
import { Upgrade } from "./transport/transport.ts";

/** Dismisses as many at a time as there are sockets to spare. */
export class Dismissals {
  readonly #clock: Clock;
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: no socket is left for it. */
  dismiss(close: Close, subprotocol: string | undefined): Upgrade | undefined {
    if (this.#underWay >= LIMITS.spareConnections) return;
    this.#underWay += 1;
    let timer: Timer | undefined;
    const ended = () => {
      this.#underWay -= 1;
      timer?.cancel();
    };
    // A close in the first moment would come before that client has noted that the socket is open.
    return new Upgrade(
      (socket) => timer = this.#clock.after(LIMITS.settleMs, () => socket.close(close)),
      ended,
      true,
      subprotocol,
    );
  }
}
