/**
 * Opens sockets only to close them with a code, in place of a refusal by HTTP.
 *
 * The released client 4.2.2 does not listen to the errors of its connections: on Node a refusal by HTTP ends its
 * process.
 *
 * @module
 */

import type { Close } from "../protocol.ts";
import type { Clock, Timer } from "./core/clock.ts";
import { LIMITS } from "./core/limits.ts";
import { Upgrade } from "./transport/transport.ts";

/** Dismisses as many sockets at the same time as there are spare ones. */
export class Dismissals {
  readonly #clock: Clock;
  #open = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: no spare socket is left. */
  dismiss(close: Close, subprotocol: string | undefined): Upgrade | undefined {
    if (this.#open >= LIMITS.spareConnections) return;
    this.#open += 1;
    let timer: Timer | undefined;
    const ended = () => {
      this.#open -= 1;
      timer?.cancel();
    };
    // An earlier close would come before that client has seen the socket open.
    return new Upgrade(
      (socket) => timer = this.#clock.after(LIMITS.settleMs, () => socket.close(close)),
      ended,
      true,
      subprotocol,
    );
  }
}
