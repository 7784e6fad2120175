/**
 * Checks that frames which one side sends before the other comes are delivered.
 *
 * @module
 */

import { decode } from "@std/msgpack";
import type { Deadline } from "../deadline.ts";
import { difference, type Frame, haveSameBytes } from "../sides/frames.ts";
import { type Pair, receiveAll } from "../sides/pair.ts";
import { degraded, Fault, type Finding, works } from "./step.ts";

/** Sent before the other side comes. */
export const HELD: readonly Frame[] = ["held 🎉", Uint8Array.of(0, 0xc0, 0xff), "", new Uint8Array(), "last"];

const EXPECTED = `the ${HELD.length} frames that one side sent before the other came, unchanged`;

/** Whether {@link HELD} came to the side that came late. */
export async function heldFrames({ alice, bob }: Pair, by: Deadline): Promise<Finding> {
  const came = await receiveAll(alice, bob, HELD.length, by);
  const wrong = difference(HELD, came);
  if (wrong === undefined) return works(`${HELD.length} frames, unchanged`);
  const trouble = { expected: EXPECTED, got: wrong.got };
  if (came.length === HELD.length && came.every((frame, index) => isReencoded(HELD[index], frame))) {
    const advice = "Let clients send only when both sides are there, or use a relay of version 5.";
    return degraded("all came, but in another form", { ...trouble, advice });
  }
  const advice = "What one side sends before the other comes is not safe here: update the relay.";
  throw new Fault({ ...trouble, advice });
}

/** The ancestors encode held frames as JSON (3.x) or MessagePack (4.x), and deliver them like that. */
function isReencoded(sent: Frame, came: Frame): boolean {
  if (haveSameBytes(sent, came)) return true;
  try {
    const content = typeof came === "string" ? JSON.parse(came) : decode(came);
    // JSON of a Buffer of Node.
    return haveSameBytes(sent, content?.type === "Buffer" ? Uint8Array.from(content.data) : content);
  } catch {
    return false;
  }
}
