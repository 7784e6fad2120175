/**
 * Finds out whether a peer is still there, by what it sends and by what it takes.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** The state of a socket when its peer is judged. */
export interface Standing {
  /** Milliseconds of silence after which a peer counts as gone; Infinity: never. */
  readonly idleMs: number;
  /** Bytes that wait for the peer. A ping waits behind them, so the peer has more time. */
  readonly backlog: number;
  /** Bytes that the network took for the peer: as many may still be unread. */
  readonly taken: number;
}

/**
 * Milliseconds in which a peer has to answer a close, or the end of the stream: it hears that behind what the system
 * keeps for it. No longer than a peer that takes nothing has in any case.
 */
export function closePatience(taken: number): number {
  return Math.min(LIMITS.closeAnswerMs + (taken * 1_000) / LIMITS.slowReaderBytes, LIMITS.stalledMs);
}

/** Remembers signs of life: the peer sent something, or took something. */
export class Liveness {
  readonly #clock: Clock;
  /**
   * There was a sign since the last look, which then takes its own time for it: reading the clock at every message
   * costs.
   */
  #hasSigned = false;
  #hasTaken = false;
  #signAt: number;
  /** When the peer last took something, or had nothing to take. */
  #takenAt: number;
  /** When it was first judged silent after its last sign. */
  #silentSince: number | undefined;
  /** Since when an answer to the relay's close is due. */
  #closingSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#signAt = this.#takenAt = clock.now();
  }

  /** The peer has sent something, or is read again. */
  heard(): void {
    this.#hasSigned = true;
  }

  /** The peer has taken something that was sent. */
  took(): void {
    this.#hasSigned = this.#hasTaken = true;
  }

  /** The relay has sent a close, and waits for the answer. */
  closing(): void {
    this.#closingSince ??= this.#clock.now();
    this.#silentSince = undefined;
  }

  /**
   * A peer that is silent for half of the idle time has to be pinged. It is dead if it does not answer until the next
   * look, a quarter of that time later; if it takes nothing of its backlog; or if it does not answer a close, whatever
   * it sends meanwhile. A peer that was not pinged is not dead: looks can be late.
   */
  judge({ idleMs, backlog, taken }: Standing): "alive" | "silent" | "dead" {
    const now = this.#clock.now();
    this.#note(now, backlog);
    if (now - this.#takenAt >= LIMITS.stalledMs) return "dead";
    if (this.#closingSince !== undefined) {
      return now - this.#closingSince >= closePatience(taken) ? "dead" : "alive";
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
    // While it takes what was sent before the close, it cannot have read the close.
    if (this.#closingSince !== undefined && backlog > 0) this.#closingSince = now;
    this.#hasSigned = this.#hasTaken = false;
  }
}
