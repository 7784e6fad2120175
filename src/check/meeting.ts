/**
 * Two peers who are interested in the same document, to be introduced to each other.
 *
 * @module
 */

import { decode, encode } from "@std/msgpack";
import { introductionPath } from "../protocol.ts";
import type { RelayAddress } from "./address.ts";
import { type Deadline, Late } from "./deadline.ts";
import { describe, type Frame } from "./frames.ts";
import { Peer } from "./peer.ts";
import { whyNothing } from "./side.ts";
import { degraded, Fault, type Finding, SEVERAL_INSTANCES, works } from "./step.ts";

type Dialect = "JSON" | "MessagePack";

/** Relays of generation 4 ignore JSON, so there is no use in waiting long for them. */
const UNTIL_MESSAGEPACK_MS = 1000;

/** One who waits to be introduced. */
class Guest {
  /** How the relay introduced the other one. */
  dialect: Dialect | undefined;
  /** What came that was no introduction. */
  stray: Frame | undefined;

  constructor(readonly id: string, readonly peer: Peer) {}

  /** Awaits to be introduced to the other; no longer than until that has happened. */
  async hearsOf(other: Guest, by: Deadline): Promise<void> {
    while (this.dialect === undefined) {
      const frame = await this.peer.next(by);
      const { type, userName, peerId } = understood(frame);
      if (type === "Introduction" && (userName ?? peerId) === other.id) this.dialect = dialectOf(frame);
      else this.stray = frame;
    }
  }
}

/** The introduction sockets of two peers. */
export class Meeting implements AsyncDisposable {
  readonly #alice: Guest;
  readonly #bob: Guest;
  readonly #sockets: AsyncDisposableStack;

  private constructor(alice: Guest, bob: Guest, sockets: AsyncDisposableStack) {
    this.#alice = alice;
    this.#bob = bob;
    this.#sockets = sockets;
  }

  /** Connects both. Throws a {@link Fault}. */
  static async open(address: RelayAddress, by: Deadline): Promise<Meeting> {
    await using sockets = new AsyncDisposableStack();
    const enter = async (id: string) => new Guest(id, sockets.use(await Peer.open(address, introductionPath(id), by)));
    return new Meeting(await enter(crypto.randomUUID()), await enter(crypto.randomUUID()), sockets.move());
  }

  /** Both join; each must hear of the other. Throws a {@link Fault}. */
  async introduce(by: Deadline): Promise<Finding> {
    const documentIds = [crypto.randomUUID()];
    try {
      this.#say(JSON.stringify({ type: "Join", join: documentIds, documentIds }));
      if (!await this.#acquaintedSoon(by)) {
        this.#say(encode({ type: "Join", documentIds }) as Uint8Array<ArrayBuffer>);
        await this.#acquaint(by);
      }
    } catch (error) {
      throw this.#fault(whyNothing(error));
    }
    return this.#finding();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sockets.disposeAsync();
  }

  #say(frame: Frame): void {
    this.#alice.peer.send(frame);
    this.#bob.peer.send(frame);
  }

  async #acquaintedSoon(by: Deadline): Promise<boolean> {
    try {
      await this.#acquaint(by.sooner(UNTIL_MESSAGEPACK_MS));
      return true;
    } catch (error) {
      if (error instanceof Late) return false;
      throw error;
    }
  }

  async #acquaint(by: Deadline): Promise<void> {
    await this.#alice.hearsOf(this.#bob, by);
    await this.#bob.hearsOf(this.#alice, by);
  }

  #finding(): Finding {
    const isJson = this.#alice.dialect === "JSON" && this.#bob.dialect === "JSON";
    if (isJson) return works("each heard of the other, in JSON");
    return degraded("each heard of the other, in MessagePack", {
      expected: "introductions in JSON",
      got: "introductions in MessagePack, which only clients of generation 4 understand",
      advice: "Use clients of generation 4 with this relay, or a relay of version 5, which speaks with all.",
    });
  }

  #fault(reason: string): Fault {
    const [name, { stray }] = this.#alice.dialect === undefined
      ? ["the first", this.#alice]
      : ["the second", this.#bob];
    return new Fault({
      expected: "two peers who joined the same document to be introduced to each other",
      got: `${name} heard ${stray === undefined ? reason : `${describe(stray)}, then ${reason}`}`,
      advice: SEVERAL_INSTANCES,
    });
  }
}

/** Any frame, as an object: what came is untrusted. */
function understood(frame: Frame): Record<string, unknown> {
  try {
    return Object(dialectOf(frame) === "JSON" ? JSON.parse(frame as string) : decode(frame as Uint8Array));
  } catch {
    return {};
  }
}

function dialectOf(frame: Frame): Dialect {
  return typeof frame === "string" ? "JSON" : "MessagePack";
}
