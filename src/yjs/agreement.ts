/**
 * When we are synced: what the peers of a room agree on.
 *
 * Applications seed a document that is empty once they are synced. So whoever is alone has to be synced, too, and of
 * several who come to an empty room together, exactly one has to be synced before the others, and seed:
 *
 * - When somebody who is there is synced, we are as soon as everyone there has told us all.
 * - When nobody is, and nobody more has come for a moment, the one whose name is the smallest is. The others wait until it
 *   says so. A room with nobody else in it is the simplest case of this.
 *
 * @module
 */

import type { Environment } from "../client/environment.ts";

/** Introductions come within a round trip, and from another instance of the relay a few milliseconds later. */
const ALONE_AFTER_MS = 2_000;
/** How long the application may take to seed before the others hear that we are synced: a few frames of a slow page. */
const SEED_WITHIN_MS = 500;
/** How many such moments are enough: who is to be synced before us may wait 5 s for somebody who does not answer. */
const MOST_MOMENTS = 8;

/** A peer of the room. */
export interface Partner {
  readonly userName: string;
  /** It has told us all it had. */
  readonly hasAnswered: boolean;
  /** It has said that it is synced. */
  readonly isSynced: boolean;
  /** It has said nothing, for too long. */
  readonly isSilent: boolean;
}

/** What there is to know of a room. */
export interface Company {
  /** Ours. */
  readonly userName: string;
  readonly partners: Iterable<Partner>;
  /** Somebody was introduced to us who is not connected yet. */
  readonly isExpected: boolean;
}

/** Who hears what was agreed on. */
export interface AgreementListener {
  synced(isSynced: boolean): void;
  /** It is time to say that we are. */
  announce(): void;
}

/** Ours with all others. */
export class Agreement {
  readonly #company: Company;
  readonly #environment: Environment;
  readonly #listener: AgreementListener;
  #isReached = false;
  /** How many moments ago the relay was reached. */
  #moments = 0;
  #isSynced = false;
  #isAnnounced = false;
  #cancelWait = () => {};
  #cancelAnnouncement = () => {};

  constructor(company: Company, environment: Environment, listener: AgreementListener) {
    this.#company = company;
    this.#environment = environment;
    this.#listener = listener;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Others may hear that we are synced. */
  get isAnnounced(): boolean {
    return this.#isAnnounced;
  }

  /** The relay is there, or out of reach. */
  reached(isThere: boolean): void {
    this.#isReached = isThere;
    this.#cancelWait();
    this.#moments = 0;
    if (isThere) this.#wait();
    this.check();
  }

  /** To be called whenever something about the partners has changed. */
  check(): void {
    if (!this.#isSynced && this.#mayBeSynced()) this.#begin();
    else if (this.#isSynced && this.#isCutOff()) this.#end();
  }

  /** Looks again after every moment: nobody tells when somebody who was expected does not come. */
  #wait(): void {
    this.#cancelWait = this.#environment.after(ALONE_AFTER_MS, () => {
      this.#moments++;
      if (this.#moments < MOST_MOMENTS) this.#wait();
      this.check();
    });
  }

  /** Newcomers do not make us less synced, and whoever is silent is not waited for. */
  #mayBeSynced(): boolean {
    const present = [...this.#company.partners].filter(({ isSilent }) => !isSilent);
    if (!present.every(({ hasAnswered }) => hasAnswered)) return false;
    if (present.some(({ isSynced }) => isSynced)) return true;
    const { isExpected, userName: ours } = this.#company;
    if (this.#moments === 0) return false;
    return this.#moments === MOST_MOMENTS || (!isExpected && present.every(({ userName }) => ours < userName));
  }

  /** Nobody can tell us anything any more. */
  #isCutOff(): boolean {
    return !this.#isReached && ![...this.#company.partners].some(({ hasAnswered }) => hasAnswered);
  }

  #begin(): void {
    this.#isSynced = true;
    this.#cancelWait();
    this.#cancelAnnouncement = this.#environment.after(SEED_WITHIN_MS, () => {
      this.#isAnnounced = true;
      this.#listener.announce();
    });
    this.#listener.synced(true);
  }

  #end(): void {
    this.#cancelAnnouncement();
    this.#isSynced = this.#isAnnounced = false;
    this.#listener.synced(false);
  }
}
