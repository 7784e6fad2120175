/**
 * Whether a peer is still there, judged by when it last gave a sign of life.
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
  #signAt: number;
  /** There was a sign since the last look, which takes it for just now: every message is one, and asking the time costs. */
  #hasSigned = false;
  /** When it was first called silent after its last sign. */
  #silentSince: number | undefined;
  #closingSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#signAt = clock.now();
  }

  /** The peer has given a sign. */
  sign(): void {
    this.#hasSigned = true;
  }

  /** From now on an answer to our close is waited for. */
  closing(): void {
    this.#closingSince ??= this.#clock.now();
    this.#silentSince = undefined;
  }

  /**
   * Silent for half of the idle time: ping it. Without an answer until the next look, a quarter of it later, or too slow to
   * close: it is dead. Nobody is dead who was not pinged: looks can be late.
   */
  judge({ idleMs, backlog }: Standing): "alive" | "silent" | "dead" {
    const now = this.#clock.now();
    if (this.#hasSigned) this.#note(now);
    const silentMs = now - this.#signAt;
    if (backlog > 0) return silentMs >= LIMITS.stalledMs ? "dead" : this.#isSilent(silentMs, idleMs);
    const isUnanswered = now - (this.#silentSince ?? Infinity) >= idleMs / 5;
    if (isUnanswered || now - (this.#closingSince ?? Infinity) >= LIMITS.closeAnswerMs) return "dead";
    return this.#isSilent(silentMs, idleMs);
  }

  #note(signAt: number): void {
    this.#hasSigned = false;
    this.#signAt = signAt;
    this.#silentSince = undefined;
  }

  #isSilent(silentMs: number, idleMs: number): "alive" | "silent" {
    if (silentMs < idleMs / 2 || this.#closingSince !== undefined) return "alive";
    this.#silentSince ??= this.#clock.now();
    return "silent";
  }
}
