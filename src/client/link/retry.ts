/**
 * The tries of one thing that should be open: when to try again, and when to trust it.
 *
 * @module
 */

import type { Environment } from "../environment.ts";
import { type Backoff, drawDelay, longestDelay } from "./reconnect.ts";

/** A thing that closes sooner has not recovered: its backoff goes on growing. */
const TRUST_AFTER_MS = 5_000;
/** The same where the relay had no room for what was said: the next try is likely to say as much, and that takes a while. */
const TRUST_AFTER_OVERLOAD_MS = 60_000;

/** Counts failures, and holds at most one timer. */
export class Retry {
  readonly #backoff: Backoff;
  readonly #environment: Environment;
  readonly #action: () => void;
  #failures = 0;
  #trustAfterMs = TRUST_AFTER_MS;
  /** It was open for a while, or was never tried. */
  #isTrusted = true;
  #cancelTimer = () => {};

  constructor(backoff: Backoff, environment: Environment, action: () => void) {
    this.#backoff = backoff;
    this.#environment = environment;
    this.#action = action;
  }

  /** Milliseconds to wait at most after the next failure. */
  get longestDelay(): number {
    return longestDelay(this.#failures, this.#backoff);
  }

  /** It failed: tries again after a while. */
  failed({ isOverload = false } = {}): void {
    this.stop();
    if (isOverload) this.#trustAfterMs = TRUST_AFTER_OVERLOAD_MS;
    this.#cancelTimer = this.#environment.after(this.#nextDelay(), this.#action);
  }

  /** Milliseconds to wait before it is left for another that is no better, as far as one knows: 0 if it is trusted. */
  delayOfMove(): number {
    return this.#isTrusted ? 0 : this.#nextDelay();
  }

  /** It opened: if it stays so for a while, earlier failures are forgotten. */
  succeeded(): void {
    this.stop();
    this.#isTrusted = false;
    this.#cancelTimer = this.#environment.after(this.#trustAfterMs, () => this.#forget());
  }

  /** Neither tries again nor comes to trust, until told more. */
  stop(): void {
    this.#cancelTimer();
  }

  /** Stops, and starts afresh. */
  reset(): void {
    this.stop();
    this.#forget();
  }

  #nextDelay(): number {
    const delay = drawDelay(this.#failures, this.#backoff, this.#environment.random);
    this.#failures += 1;
    return delay;
  }

  #forget(): void {
    this.#isTrusted = true;
    this.#failures = 0;
    this.#trustAfterMs = TRUST_AFTER_MS;
  }
}
