/**
 * Asks for another token before the one that the relay knows is over.
 *
 * @module
 */

import { reasonOf } from "../socket/callback.ts";
import type { Time } from "./time.ts";

/** How much of its time a token may have left when the next one is asked for, and how many seconds at most. */
const SHARE_LEFT = 0.2;
const MOST_LEFT_SECONDS = 60;
/** A token that has less time than this is not worth it: whoever gives it gives no other. */
const LEAST_SECONDS = 1;
/** Whoever cannot give a token is asked again, also when the old one is over. */
const LEAST_PAUSE_SECONDS = 5;

/** Who gives tokens, and who gets them. */
export interface TokenRenewalOptions {
  readonly time: Time;
  /** Gives a token; undefined where there is none, or none that changes. */
  askToken(): Promise<string | undefined>;
  renewed(token: string): void;
  failed(error: Error): void;
}

/** The tokens of one socket. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #cancel = () => {};
  #isOver = false;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** The relay says how long the token that it has is good. Undefined: for ever. */
  welcomed(expiresInSeconds: number | undefined): void {
    this.#cancel();
    if (expiresInSeconds === undefined || expiresInSeconds < LEAST_SECONDS) return;
    const left = Math.min(MOST_LEFT_SECONDS, expiresInSeconds * SHARE_LEFT);
    this.#cancel = this.#options.time.after((expiresInSeconds - left) * 1000, () => this.#renew(left));
  }

  /** Nobody is asked any more. */
  stop(): void {
    this.#isOver = true;
    this.#cancel();
  }

  /** Asks, and asks again if there is no token after a while. @param left Seconds until there is none. */
  async #renew(left: number): Promise<void> {
    const pause = Math.max(LEAST_PAUSE_SECONDS, left / 2);
    const cancel = this.#cancel = this.#options.time.after(pause * 1000, () => this.#renew(left - pause));
    try {
      const token = await this.#options.askToken();
      cancel();
      if (token !== undefined && !this.#isOver) this.#options.renewed(token);
    } catch (error) {
      if (this.#isOver) return;
      this.#options.failed(new Error(`Cannot renew the token: ${reasonOf(error)}`, { cause: error }));
    }
  }
}
