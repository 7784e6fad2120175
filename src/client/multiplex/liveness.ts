/**
 * Tells whether the way to the relay still works: what is never answered has gone nowhere.
 *
 * @module
 */

import type { Time } from "./time.ts";

/** For the answer to one heartbeat. */
const ANSWER_WITHIN_MS = 10_000;
/** One answer may be lost in a change of networks. */
const MOST_UNANSWERED = 2;
/** A timer that is later than this slept, as its machine did or its page: what was to come meanwhile may still come. */
const LATE_MS = 2_000;

/** Who hears of it. */
export interface LivenessListener {
  /** It is time to ask the relay for a sign of life. */
  ask(): void;
  /** The relay has given none. */
  dead(): void;
}

/** Watches one socket, from now on. With heartbeats every 15 s, a dead way is told within 41 s. */
export class Liveness {
  readonly #time: Time;
  readonly #listener: LivenessListener;
  readonly #everyMs: number;
  #sentAt: number;
  #heardAt: number;
  /** When it was asked for the sign of life that is waited for. */
  #askedAt: number | undefined;
  #unanswered = 0;
  #cancel = () => {};

  /** @param everyMs How long nothing may be sent, or heard, before the relay is asked. */
  constructor(time: Time, everyMs: number, listener: LivenessListener) {
    this.#time = time;
    this.#everyMs = everyMs;
    this.#listener = listener;
    this.#sentAt = this.#heardAt = time.now();
    this.#wait(everyMs);
  }

  /** Something was sent. */
  sent(): void {
    this.#sentAt = this.#time.now();
  }

  /** Something was heard. */
  heard(): void {
    this.#heardAt = this.#time.now();
  }

  /** It is over. */
  stop(): void {
    this.#cancel();
  }

  #wait(milliseconds: number): void {
    const due = this.#time.now() + milliseconds;
    this.#cancel = this.#time.after(milliseconds, () => this.#look(this.#time.now() - due > LATE_MS));
  }

  #look(isLate: boolean): void {
    if (this.#askedAt !== undefined && this.#heardAt < this.#askedAt) return this.#miss(isLate);
    this.#askedAt = undefined;
    this.#unanswered = 0;
    const idle = this.#time.now() - Math.min(this.#sentAt, this.#heardAt);
    if (idle < this.#everyMs) this.#wait(this.#everyMs - idle);
    else this.#ask();
  }

  #miss(isLate: boolean): void {
    if (!isLate) this.#unanswered += 1;
    if (this.#unanswered >= MOST_UNANSWERED) this.#listener.dead();
    else this.#ask();
  }

  #ask(): void {
    this.#askedAt = this.#time.now();
    this.#wait(ANSWER_WITHIN_MS);
    this.#listener.ask();
  }
}
