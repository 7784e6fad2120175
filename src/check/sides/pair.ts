/**
 * Two reciprocal connections, and what they send each other.
 *
 * @module
 */

import { connectionPath } from "../../protocol.ts";
import type { RelayAddress } from "../address.ts";
import type { Deadline } from "../deadline.ts";
import { contains, describe, type Difference, difference, type Frame } from "./frames.ts";
import { Peer } from "./peer.ts";
import { shownClose, type Side, whyNothing } from "./side.ts";
import { Fault, SEVERAL_INSTANCES } from "../steps/step.ts";

const ADVICE: Record<Difference["kind"], string> = {
  lost: "The relay, or a proxy in front, drops frames: look at its log.",
  added: "The relay, or a proxy in front, sends frames of its own: only those of the peers may cross.",
  reordered: "The relay, or a proxy in front, changes the order of frames: update it.",
  retyped: "The relay, or a proxy in front, turns text into binary or the other way round: update it.",
  altered: "The relay, or a proxy in front, changes what is in frames: update it.",
};

/** TCP delays small frames until the first is acknowledged, up to 40 ms. Bob must not connect before they arrive. */
const UNTIL_HELD_MS = 100;

/** Both sides of one conversation. */
export interface Sides {
  readonly alice: Side;
  readonly bob: Side;
}

/** Two sockets, joined by the relay. */
export class Pair implements Sides, AsyncDisposable {
  readonly #sockets: AsyncDisposableStack;

  private constructor(readonly alice: Peer, readonly bob: Peer, sockets: AsyncDisposableStack) {
    this.#sockets = sockets;
  }

  /** Connects both, and lets one greet the other. Throws a {@link Fault}. */
  static async open(address: RelayAddress, by: Deadline): Promise<Pair> {
    const pair = await Pair.holding([], address, by);
    try {
      await pair.#greet(by);
      return pair;
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Alice connects and sends these frames; only then Bob connects. Throws a {@link Fault}. */
  static async holding(frames: readonly Frame[], address: RelayAddress, by: Deadline): Promise<Pair> {
    await using sockets = new AsyncDisposableStack();
    const [aliceId, bobId, documentId] = Array.from({ length: 3 }, () => crypto.randomUUID());
    const connect = async (localId: string, remoteId: string) =>
      sockets.use(await Peer.open(address, connectionPath(localId, remoteId, documentId), by));
    const alice = await connect(aliceId, bobId);
    for (const frame of frames) alice.send(frame);
    if (frames.length > 0) await new Promise((resolve) => setTimeout(resolve, UNTIL_HELD_MS));
    return new Pair(alice, await connect(bobId, aliceId), sockets.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sockets.disposeAsync();
  }

  async #greet(by: Deadline): Promise<void> {
    const greeting = `greeting ${crypto.randomUUID()}`;
    this.bob.send(greeting);
    const got = await this.alice.next(by).then((frame) => contains(frame, greeting) || describe(frame), whyNothing);
    if (got === true) return;
    const expected = "two reciprocal connections to be joined, so that one hears the other";
    throw new Fault({ expected, got, advice: SEVERAL_INSTANCES });
  }
}

/** Sends the frames. Throws a {@link Fault} unless exactly these come. */
export async function cross(from: Side, to: Side, frames: readonly Frame[], by: Deadline): Promise<void> {
  for (const frame of frames) from.send(frame);
  const wrong = difference(frames, await receiveAll(from, to, frames.length, by));
  if (wrong === undefined) return;
  const expected = frames.length === 1 ? describe(frames[0]) : `${frames.length} frames, as they were sent`;
  throw new Fault({ expected, got: wrong.got, advice: ADVICE[wrong.kind] });
}

/** The frames up to an end mark that it sends, so that lost ones need no timeout. Throws a {@link Fault} without it. */
export async function receiveAll(from: Side, to: Side, count: number, by: Deadline): Promise<Frame[]> {
  const end = `end ${crypto.randomUUID()}`;
  from.send(end);
  const came: Frame[] = [];
  try {
    for (let frame = await to.next(by); !contains(frame, end); frame = await to.next(by)) came.push(frame);
    return came;
  } catch (error) {
    const expected = count === 0 ? "an answer" : `${count} frames and an end mark`;
    const got = `${came.length} frames, then ${whyNothing(error)}${await senderEnd(from, by)}`;
    throw new Fault({ expected, got, advice: adviceForSilence(got) });
  }
}

/** The close of the sender, which says more than that of the receiver. */
async function senderEnd(from: Side, by: Deadline): Promise<string> {
  const SOON_MS = 100;
  const close = await from.closed(by.sooner(SOON_MS)).catch(() => undefined);
  return close === undefined ? "" : `, that of the sender with ${shownClose(close)}`;
}

function adviceForSilence(got: string): string {
  if (got.includes("1009")) return "The relay, or a proxy in front, takes no message of that size: raise its bound.";
  return "On a slow line, give more time with --timeout; otherwise look at the log of the relay.";
}
