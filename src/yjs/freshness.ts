/**
 * How fresh what we have is, and what the others have of ours.
 *
 * @module
 */

import type { Environment } from "../client/environment.ts";

/** Ages, in milliseconds. */
export class Freshness {
  readonly #environment: Environment;
  #changedAt: number | undefined;
  #heardAt: number;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#heardAt = environment.now();
  }

  /** Of the oldest change made here that nobody else was told, or not everybody who is there; 0 if there is none. */
  get localUpdatesAge(): number {
    return this.isTold ? 0 : this.#environment.now() - this.#changedAt!;
  }

  /** Of what we have heard last, of the relay or of a peer. */
  get lastMessageAge(): number {
    return this.#environment.now() - this.#heardAt;
  }

  /** Everybody who is there was told all that was changed here, or nothing was. */
  get isTold(): boolean {
    return this.#changedAt === undefined;
  }

  /** The document was changed here. */
  changed(): void {
    this.#changedAt ??= this.#environment.now();
  }

  /** Everybody who is there was told everything. */
  told(): void {
    this.#changedAt = undefined;
  }

  /** Somebody has said something. */
  heard(): void {
    this.#heardAt = this.#environment.now();
  }
}
