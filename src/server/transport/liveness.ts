/**
 * Whether a peer is still there, judged by what it sends and by what it takes.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** How a socket stands when its peer is judged. */
export interface Standing {
  /** Milliseconds of silence after which a peer counts as gone; Infinity: never. */
  readonly idleMs: number;
  /** Bytes that wait for the peer: then its pong waits behind them, and it has longer. */
  readonly backlog: number;
}

/** Remembers signs of life: the peer sent something, or took something. */
export class Liveness {
  readonly #clock: Clock;
  /** There was a sign since the last look, which takes it for just now: every message is one, and asking the time costs. */
  #hasSigned = false;
  #hasTaken = false;
  #signAt: number;
  /** When the peer last took something, or had nothing to take. */
  #takenAt: number;
  /** When it was first called silent after its last sign. */
  #silentSince: number | undefined;
  /** Since when an answer to our close is due. */
  #closingSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#signAt = this.#takenAt = clock.now();
  }

  /** The peer has sent something, or may be heard again. */
  heard(): void {
    this.#hasSigned = true;
  }

  /** The peer has taken something that was sent. */
  took(): void {
    this.#hasSigned = this.#hasTaken = true;
  }

  /** From now on an answer to our close is waited for. */
  closing(): void {
    this.#closingSince ??= this.#clock.now();
    this.#silentSince = undefined;
  }

  /**
   * Silent for half of the idle time: ping it. Without an answer until the next look, a quarter of it later, or with a
   * backlog of which it takes nothing, or too slow to close: it is dead, whatever it sends meanwhile. Nobody is dead who
   * was not pinged: looks can be late.
   */
  judge({ idleMs, backlog }: Standing): "alive" | "silent" | "dead" {
    const now = this.#clock.now();
    this.#note(now, backlog);
    if (now - this.#takenAt >= LIMITS.stalledMs) return "dead";
    if (this.#closingSince !== undefined) {
      return now - this.#closingSince >= LIMITS.closeAnswerMs ? "dead" : "alive";
    }
    const isUnanswered = backlog === 0 && now - (this.#silentSince ?? Infinity) >= idleMs / 5;
    if (isUnanswered) return "dead";
    if (now - this.#signAt < idleMs / 2) return "alive";
    this.#silentSince ??= now;
    return "silent";
  }

  #note(now: number, backlog: number): void {
    if (this.#hasSigned) {
      this.#signAt = now;
      this.#silentSince = undefined;
    }
    if (this.#hasTaken || backlog === 0) this.#takenAt = now;
    // While it takes what was sent before our close, it cannot have seen that.
    if (this.#closingSince !== undefined && backlog > 0) this.#closingSince = now;
    this.#hasSigned = this.#hasTaken = false;
  }
}
