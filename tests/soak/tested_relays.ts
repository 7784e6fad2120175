/**
 * One relay, or several that act as one: peers come to any of them.
 *
 * @module
 */

import { NatsServer } from "../helpers/nats.ts";
import type { Variant } from "../helpers/transports.ts";
import type { Chance } from "./chance.ts";
import { type Counts, TestedRelay } from "./tested_relay.ts";

/** Milliseconds in which an instance that stood still reads what came meanwhile, on a busy machine. */
const LATE_MS = 1_000;

/** What to start. */
export interface TestedRelaysOptions {
  readonly variant: Variant;
  readonly instances: number;
  /** Decides who comes where. */
  readonly chance: Chance;
  /** Options of each relay. */
  readonly args?: string[];
}

/** The instances and the NATS server between them, if there are several. */
export class TestedRelays implements AsyncDisposable {
  readonly #options: TestedRelaysOptions;
  readonly #nats: NatsServer | undefined;
  #living: TestedRelay[] = [];
  /** Until when the loss of NATS may have broken pairs of two instances. */
  #cutUntil = -Infinity;

  private constructor(options: TestedRelaysOptions, nats: NatsServer | undefined) {
    this.#options = options;
    this.#nats = nats;
  }

  static async start(options: TestedRelaysOptions): Promise<TestedRelays> {
    const relays = new TestedRelays(options, options.instances > 1 ? await NatsServer.start() : undefined);
    await Promise.all(Array.from({ length: options.instances }, () => relays.#add()));
    return relays;
  }

  get living(): readonly TestedRelay[] {
    return this.#living;
  }

  any(): TestedRelay {
    return this.#options.chance.pick(this.#living);
  }

  /** Of all together. */
  async counts(): Promise<Counts> {
    const all = await Promise.all(this.#living.map((relay) => relay.counts()));
    const names = Object.keys(all[0]) as (keyof Counts)[];
    return Object.fromEntries(names.map((name) => [name, sum(all, name)])) as unknown as Counts;
  }

  /**
   * Whether a failure may have ended a side that was opened here at some time. Between two on one instance nothing can
   * fail but that instance.
   *
   * @param there Where its partner is, once it knows.
   */
  mayHaveBroken(here: TestedRelay, there: TestedRelay | undefined, openedAt: number): boolean {
    if (here === there) return here.isDead;
    const others = there === undefined ? this.#ever : [there];
    return Math.max(this.#cutUntil, ...[here, ...others].map(({ brokenUntil }) => brokenUntil)) >= openedAt;
  }

  readonly #ever: TestedRelay[] = [];

  /** An instance dies, and another comes in its place. One is spared: what it keeps of all that shows in its memory. */
  async replace(): Promise<void> {
    const victim = this.#options.chance.pick(this.#living.slice(1));
    this.#living = this.#living.filter((relay) => relay !== victim);
    victim.brokenUntil = Infinity;
    await Promise.all([victim.kill(), this.#add()]);
  }

  /** An instance stands still. @param breaks Long enough that others give it up. */
  async freeze(ms: number, breaks: boolean): Promise<void> {
    const relay = this.any();
    if (breaks) relay.brokenUntil = Infinity;
    relay.stoodStillUntil = Infinity;
    await relay.freeze(ms);
    relay.stoodStillUntil = performance.now() + LATE_MS;
    if (breaks && !relay.isDead) relay.brokenUntil = performance.now();
  }

  /** NATS dies and comes again. */
  async cut(ms: number): Promise<void> {
    this.#cutUntil = Infinity;
    await this.#nats?.kill();
    await new Promise((resolve) => setTimeout(resolve, ms));
    await this.#nats?.restart();
    this.#cutUntil = performance.now();
  }

  /** Ends all as an operator does. */
  async stop(): Promise<void> {
    await Promise.all(this.#living.map((relay) => relay.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [...this.#living, this.#nats]) await process?.[Symbol.asyncDispose]();
  }

  async #add(): Promise<void> {
    const { variant, args = [] } = this.#options;
    const nats = this.#nats === undefined ? [] : ["--nats", this.#nats.url];
    const relay = await TestedRelay.start(variant, [...args, ...nats]);
    this.#living.push(relay);
    this.#ever.push(relay);
  }
}

function sum(all: readonly Counts[], name: keyof Counts): number {
  return all.reduce((total, counts) => total + counts[name], 0);
}
