/**
 * When a repo may ask its peers for documents: asked too early, it would hear that nobody has them.
 *
 * @module
 */

import type { Environment } from "../client/environment.ts";

/** To reach the relay and then a peer takes eight round trips: 2.4 s on a slow mobile network. */
const READY_WITHIN_MS = 3_000;

/** Comes once, and stays. */
export class Readiness {
  /** Resolves when it has come. */
  readonly come: Promise<void>;
  readonly #environment: Environment;
  #resolve = () => {};
  #hasCome = false;
  #cancelTimer: (() => void) | undefined;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.come = new Promise((resolve) => this.#resolve = resolve);
  }

  get hasCome(): boolean {
    return this.#hasCome;
  }

  /** It comes within 3 s, whatever happens. */
  expect(): void {
    if (!this.#hasCome) this.#cancelTimer ??= this.#environment.after(READY_WITHIN_MS, () => this.declare());
  }

  /** It comes now. */
  declare(): void {
    this.#cancelTimer?.();
    this.#hasCome = true;
    this.#resolve();
  }
}
