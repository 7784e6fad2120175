/**
 * One side of a conversation on a socket of its own: it speaks in messages, hears the other side, and leaves.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Pace } from "../helpers/pace.ts";
import type { Target } from "../helpers/raw.ts";
import type { Chance } from "../soak/chance.ts";
import { controlFrame, framesOf } from "./framing.ts";
import type { Line } from "./line.ts";
import type { Material } from "./messages.ts";
import { type Departure, lengthOf, longRest, pause, SMALL, StormSocket } from "./socket.ts";

/** What a side does at last, after so many writes of messages, one at least, or as soon as it is late. */
export interface Plan<How> {
  readonly how: How;
  readonly after: number;
  /** Not before all is heard that it said: nothing may wait for what comes behind it. */
  readonly settles: boolean;
  readonly isLate: () => boolean;
}

/** Whom a side speaks to, and how. */
export interface SideOptions {
  readonly target: Target;
  readonly path: string;
  readonly speaks: Line;
  readonly hears: Line;
  readonly material: Material;
  readonly chance: Chance;
  readonly pace: Pace;
  readonly departure?: Plan<Departure>;
  /** Its partner leaves: its end will come, and it does not leave by itself. */
  readonly isLeft: () => boolean;
  /** Its partner waits for credit, or until its socket takes more. */
  readonly isAwaited: () => boolean;
  /** Both sides have been let in, and paired, since something has crossed: before, nobody would hear of a departure. */
  readonly met: Promise<unknown>;
}

/** Until it looks again whether it may leave. */
export const LOOK_MS = 50;
/**
 * Bytes that may be under way when it leaves: the relay gives a reader a minute at most to read what the kernel has, and
 * readers of a storm on a busy machine are slow.
 */
const MOST_LEFT = 1024 * 1024;
const MOST_MESSAGES_AT_ONCE = 12;

/** One side, from its request to its end. */
export class Side {
  /** Resolves when its socket is gone. Rejects when it hears what it should not. */
  readonly over: Promise<void>;
  /** How it has left; undefined as long as it has not. */
  left: Departure | undefined;
  /** It leaves as soon as all is heard. */
  isSettling = false;
  readonly #options: SideOptions;
  readonly #socket: StormSocket;

  private constructor(connection: Deno.Conn, options: SideOptions) {
    this.#options = options;
    const { hears, speaks, chance } = options;
    const longRestMs = hears.load === "bulk" ? longRest(chance) : undefined;
    this.#socket = new StormSocket(connection, {
      speak: () => this.#speak(),
      stopped: () => speaks.close(),
      began: (isText) => hears.began(isText),
      came: (bytes) => hears.came(bytes),
      ended: () => hears.ended(),
    }, { ...options, longRestMs });
    this.over = this.#socket.run();
    // Its end may come before it is waited for.
    this.over.catch(() => {});
  }

  static async open(options: SideOptions): Promise<Side> {
    return new Side(await StormSocket.connect(options.target), options);
  }

  /** The relay has let it in. */
  get opened(): Promise<void> {
    return this.#socket.opened;
  }

  /** Its socket takes nothing, though it should. */
  get isStarved(): boolean {
    return this.#socket.isStarved;
  }

  /** How the relay closed it; undefined: it hung up. */
  get code(): number | undefined {
    return this.#socket.code;
  }

  /** Some speak at once, behind their request. */
  async #speak(): Promise<void> {
    const { speaks, chance, departure, met } = this.#options;
    if (chance.below(4) > 0) await this.opened;
    for (let count = 0; !this.#socket.isStopped; count++) {
      if (count > 0 && departure !== undefined && (count >= departure.after || departure.isLate())) break;
      if (speaks.isFull) await speaks.movement();
      else await this.#sayMuch();
    }
    await met;
    if (departure !== undefined) await this.#depart(departure);
  }

  async #depart(departure: Plan<Departure>): Promise<void> {
    await this.#settle(departure);
    while (this.#options.isAwaited() && !this.#socket.isStopped) await pause(LOOK_MS);
    if (!this.#socket.isStopped && !this.#options.isLeft()) await this.#leave(departure.how);
  }

  /** One message or several in one go, with what has to be answered. */
  async #sayMuch(): Promise<void> {
    const { speaks, material, chance } = this.#options;
    const frames = this.#socket.takeAnswers();
    const count = 1 + (chance.below(2) === 0 ? 0 : chance.below(MOST_MESSAGES_AT_ONCE));
    let said = 0;
    for (; said < count && lengthOf(frames) < SMALL && !speaks.isFull; said++) {
      frames.push(...framesOf(speaks.next(material, chance), chance));
      if (chance.below(8) === 0) frames.push(controlFrame(chance));
    }
    await this.#socket.write(Buffer.concat(frames));
    while (said-- > 0) speaks.saidWhole();
  }

  /** Waits until so much is heard that it may leave. */
  async #settle({ settles }: Plan<Departure>): Promise<void> {
    const { speaks } = this.#options;
    this.isSettling = true;
    const isTooMuch = () => settles ? speaks.isUnderWay : speaks.bytesUnderWay > MOST_LEFT;
    while (isTooMuch() && !this.#socket.isStopped) await speaks.movement();
  }

  async #leave(how: Departure): Promise<void> {
    const { chance, speaks, material } = this.#options;
    this.left = how;
    await this.#socket.leave(how, () => framesOf(speaks.next(material, chance), chance));
  }
}
