/**
 * Watches what the runtime cannot bound: resident memory and open descriptors.
 *
 * Deno 2.9.6 keeps fragmented messages without a bound, queues that `bufferedAmount` does not show, and descriptors
 * whose client reset the handshake. It never frees them, so past a limit the relay ends, and its supervisor starts it
 * again.
 *
 * @module
 */

import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** What the watchdog measures. */
export interface Vitals {
  /** Bytes of resident memory. */
  memory(): number;
  /** Open descriptors; undefined where they cannot be counted. */
  descriptors(): number | undefined;
}

/** The limits at which the watchdog acts. */
export interface VitalLimits {
  /** Bytes of resident memory; 0: no bound. */
  readonly memory: number;
  /** Open descriptors; undefined: no bound. */
  readonly descriptors: number | undefined;
}

/** Measures again and again; calls `overloaded` once, with the reason, when a limit is passed. */
export class Watchdog {
  #timer: Timer | undefined;

  constructor(
    readonly vitals: Vitals,
    readonly limits: VitalLimits,
    readonly clock: Clock,
    readonly overloaded: (reason: string) => void,
  ) {}

  start(): void {
    this.#timer = this.clock.after(LIMITS.watchMs, () => {
      const reason = this.#look();
      if (reason === undefined) this.start();
      else this.overloaded(reason);
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): string | undefined {
    const memory = this.vitals.memory();
    if (this.limits.memory > 0 && memory > this.limits.memory) {
      return `want at most ${this.limits.memory} bytes of resident memory, got ${memory}`;
    }
    const descriptors = this.vitals.descriptors();
    if (this.limits.descriptors !== undefined && descriptors !== undefined && descriptors > this.limits.descriptors) {
      return `want at most ${this.limits.descriptors} open descriptors, got ${descriptors}`;
    }
  }
}
