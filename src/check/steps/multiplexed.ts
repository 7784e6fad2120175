/**
 * Checks whether the relay speaks protocol 5: whether a conversation needs no sockets of its own.
 *
 * @module
 */

import { MULTIPLEX_PROTOCOL } from "../../protocol.ts";
import type { RelayAddress } from "../address.ts";
import { everything } from "./conversation.ts";
import type { Deadline } from "../deadline.ts";
import { closes } from "./close.ts";
import { whyNothing } from "../sides/side.ts";
import { Fault, type Finding, works } from "./step.ts";
import { StreamSide } from "../sides/stream_side.ts";

const EXPECTED = `protocol ${MULTIPLEX_PROTOCOL}: two peers with one socket each to talk to each other`;

/** A relay without protocol 5 works, too, since clients do without. Throws a {@link Fault}. */
export async function multiplexed(address: RelayAddress, by: Deadline): Promise<Finding> {
  await using alice = await StreamSide.open(address, by);
  await using bob = await StreamSide.open(address, by);
  const documentId = crypto.randomUUID();
  for (const side of [alice, bob]) side.join(documentId);
  const [welcome, other] = await orFault(Promise.all([alice.welcomed(by), bob.welcomed(by)]));
  if (welcome === undefined || other === undefined) {
    return works("not spoken: each conversation takes a socket of its own");
  }
  await orFault(Promise.all([alice.converse(documentId, by), bob.converse(documentId, by)]));
  const mostBytes = by.msLeft > by.ms / 2 ? welcome.limits.messageBytes : 0; // on a long way, less must do
  const { detail } = await everything({ alice, bob }, mostBytes, by);
  await closes({ alice, bob }, by);
  return { ...works(`spoken: all in one socket each, ${detail}`), protocol: welcome.protocol };
}

async function orFault<Result>(promise: Promise<Result>): Promise<Result> {
  try {
    return await promise;
  } catch (error) {
    const advice = "The relay says that it speaks it: look at its log, and whether it is full (--max-streams).";
    throw new Fault({ expected: EXPECTED, got: whyNothing(error), advice });
  }
}
