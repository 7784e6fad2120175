/**
 * Checks that two peers are introduced that are interested in the same document.
 *
 * @module
 */

import { decode, encode } from "@std/msgpack";
import { introductionPath } from "../../protocol.ts";
import type { RelayAddress } from "../address.ts";
import { type Deadline, Late } from "../deadline.ts";
import { describe, type Frame } from "../sides/frames.ts";
import { Peer } from "../sides/peer.ts";
import { whyNothing } from "../sides/side.ts";
import { degraded, Fault, type Finding, SEVERAL_INSTANCES, works } from "./step.ts";

type Dialect = "JSON" | "MessagePack";

/** Relays of generation 4 ignore JSON, so it is of no use to wait long for an answer. */
const UNTIL_MESSAGEPACK_MS = 1000;

/** A peer that waits to be introduced. */
class Participant {
  /** The dialect in which the relay introduced the other peer. */
  dialect: Dialect | undefined;
  /** A frame that was no introduction. */
  stray: Frame | undefined;

  constructor(readonly id: string, readonly peer: Peer) {}

  /** Resolves when the relay has introduced the other peer. */
  async awaitIntroductionOf(other: Participant, by: Deadline): Promise<void> {
    while (this.dialect === undefined) {
      const frame = await this.peer.next(by);
      const { type, userName, peerId } = understood(frame);
      if (type === "Introduction" && (userName ?? peerId) === other.id) this.dialect = dialectOf(frame);
      else this.stray = frame;
    }
  }
}

/** The introduction sockets of two peers. */
export class Introduction implements AsyncDisposable {
  readonly #alice: Participant;
  readonly #bob: Participant;
  readonly #sockets: AsyncDisposableStack;

  private constructor(alice: Participant, bob: Participant, sockets: AsyncDisposableStack) {
    this.#alice = alice;
    this.#bob = bob;
    this.#sockets = sockets;
  }

  /** Connects both. Throws a {@link Fault}. */
  static async open(address: RelayAddress, by: Deadline): Promise<Introduction> {
    await using sockets = new AsyncDisposableStack();
    const enter = async (id: string) =>
      new Participant(id, sockets.use(await Peer.open(address, introductionPath(id), by)));
    return new Introduction(await enter(crypto.randomUUID()), await enter(crypto.randomUUID()), sockets.move());
  }

  /** Lets both join. Throws a {@link Fault} unless each is introduced to the other. */
  async introduce(by: Deadline): Promise<Finding> {
    const documentIds = [crypto.randomUUID()];
    try {
      this.#say(JSON.stringify({ type: "Join", join: documentIds, documentIds }));
      if (!await this.#areIntroducedSoon(by)) {
        this.#say(encode({ type: "Join", documentIds }) as Uint8Array<ArrayBuffer>);
        await this.#awaitIntroductions(by);
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

  async #areIntroducedSoon(by: Deadline): Promise<boolean> {
    try {
      await this.#awaitIntroductions(by.sooner(UNTIL_MESSAGEPACK_MS));
      return true;
    } catch (error) {
      if (error instanceof Late) return false;
      throw error;
    }
  }

  async #awaitIntroductions(by: Deadline): Promise<void> {
    await this.#alice.awaitIntroductionOf(this.#bob, by);
    await this.#bob.awaitIntroductionOf(this.#alice, by);
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

/** Any frame as an object. It is untrusted. */
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
