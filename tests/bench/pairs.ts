/**
 * Pairs that are known to be joined, because a message has crossed each.
 *
 * @module
 */

import { connectionPath } from "../../src/protocol.ts";
import type { Generator, Listener, RawSocket } from "./generator.ts";
import type { Ball } from "./ping_pong.ts";
import type { Running } from "./servers.ts";

/** Both ends of one conversation. */
export type Pair = [RawSocket, RawSocket];

const CROSSING_MS = 20_000;

/** Opens pairs, and proves each by a message that must arrive as it was sent. */
export function pairUp(generator: Generator, server: Running, count: number, ball: Ball): Pair[] {
  const { port, listener } = server;
  const sides = listener === undefined
    ? generator.open(port, sidePaths(count).flat())
    : generator.bridge(port, listener, count);
  const pairs = Array.from({ length: count }, (_, at): Pair => [sides[2 * at], sides[2 * at + 1]]);
  for (const [alice, bob] of pairs) cross(generator, alice, bob, ball);
  return pairs;
}

/** Paths of both sides of new pairs. */
export function sidePaths(count: number): [string, string][] {
  const set = crypto.randomUUID();
  return Array.from({ length: count }, (_, at) => [
    connectionPath(`alice-${set}-${at}`, `bob-${set}-${at}`, "document"),
    connectionPath(`bob-${set}-${at}`, `alice-${set}-${at}`, "document"),
  ]);
}

function cross(generator: Generator, from: RawSocket, to: RawSocket, ball: Ball): void {
  const probe = new Probe(ball.received);
  to.listener = probe;
  let unsent = ball.sent;
  const arrived = generator.run(() => {
    unsent = unsent.subarray(unsent.length > 0 ? from.write(unsent) : 0);
    return probe.done || to.gone;
  }, CROSSING_MS);
  if (!arrived || to.gone) throw new Error("Cannot pair up: want the first message to cross, it did not");
}

/** Takes one message and compares it with what was sent. */
class Probe implements Listener {
  #received = 0;
  readonly #buffer = new Uint8Array(256 * 1024);

  constructor(readonly expected: Uint8Array) {}

  get done(): boolean {
    return this.#received === this.expected.length;
  }

  readable(socket: RawSocket): void {
    const length = socket.read(this.#buffer);
    const differs = this.#buffer.subarray(0, length).some((byte, at) => byte !== this.expected[this.#received + at]);
    if (differs) throw new Error("Cannot pair up: want the message unchanged, the server altered it");
    this.#received += length;
  }
}
