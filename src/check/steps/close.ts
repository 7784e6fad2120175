/**
 * Checks that the close of one side reaches the other.
 *
 * @module
 */

import type { Close } from "../../protocol.ts";
import type { Deadline } from "../deadline.ts";
import { describe } from "../sides/frames.ts";
import type { Sides } from "../sides/pair.ts";
import { shownClose, whyNothing } from "../sides/side.ts";
import { degraded, Fault, type Finding, works } from "./step.ts";

const LAST_WORDS = "last words";

/** A code of the range that is free for applications. */
const CLOSE: Close = { code: 4321, reason: "check is done" };

const EXPECTED = `${JSON.stringify(LAST_WORDS)}, then a close with ${shownClose(CLOSE)}`;

/** Whether a close reaches the other side, behind what was sent before it, with code and reason. */
export async function closes({ alice, bob }: Sides, by: Deadline): Promise<Finding> {
  alice.send(LAST_WORDS);
  alice.close(CLOSE.code, CLOSE.reason);
  const words = await bob.next(by).then(describe, whyNothing);
  if (words !== describe(LAST_WORDS)) {
    throw fault(words, "What a peer says before it leaves gets lost: update the relay.");
  }
  const close = await bob.closed(by).catch(whyNothing);
  if (typeof close === "string") throw fault(close, "Peers do not learn that the other has left: update the relay.");
  if (close.code === CLOSE.code && close.reason === CLOSE.reason) return works(`${shownClose(close)} came across`);
  const advice = "Let clients do without close codes here, or use a relay of version 5.";
  return degraded("came across, but not as it was sent", { expected: EXPECTED, got: shownClose(close), advice });
}

function fault(got: string, advice: string): Fault {
  return new Fault({ expected: EXPECTED, got, advice });
}
