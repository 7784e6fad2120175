/**
 * Several instances as one, over whatever bus they share.
 *
 * @module
 */

import type { Backplane, BackplaneStatus, LocalServices } from "./backplane.ts";
import type { Clock } from "../core/clock.ts";
import type { Steps, WorkScheduler } from "../core/scheduling/work_scheduler.ts";
import type { Counters } from "../metrics/counters.ts";
import type { Logger } from "../core/log.ts";
import type { ConnectionKey } from "../core/connection_key.ts";
import type { Bus } from "./bus/bus.ts";
import { Interests } from "./discovery/interests.ts";
import { Links } from "./pairing/links.ts";
import { Matches } from "./pairing/matches.ts";
import { toMessage } from "./messages.ts";
import { decode } from "./codec.ts";

/** What a shared backplane needs. */
export interface SharedBackplaneOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
  readonly scheduler: WorkScheduler;
  /** Bytes of one message between peers. */
  readonly maxMessageBytes: number;
  /** Whether the connections here take frames as bytes. */
  readonly splices: boolean;
  /** Milliseconds since 1970. */
  readonly timeOfDay?: () => number;
}

/** Implements the backplane over a bus, and hands each message from there to discovery or pairing. */
export class SharedBackplane implements Backplane {
  readonly #bus: Bus;
  readonly #links: Links;
  readonly #interests: Interests;
  readonly #matches: Matches;
  #services: LocalServices | undefined;

  constructor(bus: Bus, { timeOfDay = Date.now, ...options }: SharedBackplaneOptions) {
    const services: LocalServices = {
      introduce: (...args) => this.#services?.introduce(...args) ?? nothing(),
      charge: (...args) => this.#services?.charge(...args),
      remind: (...args) => this.#services?.remind(...args),
      joinRemote: (...args) => this.#services?.joinRemote(...args) ?? false,
      supersede: (...args) => this.#services?.supersede(...args),
      sighted: (...args) => this.#services?.sighted(...args),
    };
    this.#bus = bus;
    const links = this.#links = new Links({ bus, ...options });
    this.#interests = new Interests({ bus, services, ...options });
    this.#matches = new Matches({ bus, services, links, timeOfDay, ...options });
  }

  get status(): BackplaneStatus {
    return { connected: this.#bus.isConnected, remotePairs: this.#links.size };
  }

  async open(services: LocalServices): Promise<void> {
    this.#services = services;
    await this.#bus.open({
      connected: () => {
        this.#interests.announceAll();
        this.#matches.offerAll();
      },
      disconnected: () => {
        this.#links.loseAll();
        this.#matches.loseAll();
      },
      received: (data, sender) => this.#received(data, sender),
      unreachable: (instance) => {
        this.#links.lose(instance);
        this.#matches.lose(instance);
      },
    });
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  added(peerId: string, documentId: string): void {
    this.#interests.added(peerId, documentId);
  }

  removed(peerId: string, documentId: string): void {
    this.#interests.removed(peerId, documentId);
  }

  joined(peerId: string, documentId: string): number {
    return this.#interests.joined(peerId, documentId);
  }

  remind(waiting: ConnectionKey): void {
    this.#interests.remind(waiting);
  }

  came(key: ConnectionKey, isWaiting: boolean): void {
    this.#matches.came(key, isWaiting);
  }

  paired(key: ConnectionKey): void {
    this.#matches.paired(key);
  }

  went(key: ConnectionKey): void {
    this.#matches.went(key);
  }

  answerDueMs(key: ConnectionKey): number {
    return this.#matches.answerDueMs(key);
  }

  #received(data: Uint8Array<ArrayBuffer>, sender: string): void {
    const message = decode(data);
    if (message === undefined) return;
    if (message.type !== "json") return this.#links.received(message, data.byteLength, sender);
    const control = toMessage(message.value);
    if (control?.kind === "here") this.#interests.received(control, data.byteLength);
    else if (control !== undefined) this.#matches.received(control, sender);
  }
}

/** Before the services are there. */
function* nothing(): Steps {
  yield;
}
