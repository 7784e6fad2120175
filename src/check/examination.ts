/**
 * All steps, in their order: each needs those before it.
 *
 * @module
 */

import type { RelayAddress } from "./address.ts";
import { CONVERSATION } from "./conversation.ts";
import { farewell } from "./farewell.ts";
import { HELD, heldFrames } from "./held.ts";
import type { Ledger } from "./ledger.ts";
import { Meeting } from "./meeting.ts";
import { multiplexed } from "./multiplexed.ts";
import { Pair } from "./pair.ts";
import { reach, reachable, type Reached, trusted } from "./reach.ts";
import { works } from "./step.ts";

/** Acts as two peers, and writes what it finds into the ledger. Never throws, and closes what it opens. */
export async function examine(address: RelayAddress, ledger: Ledger): Promise<void> {
  const isThere = await isReachable(address, ledger) && await meet(address, ledger);
  if (isThere && await converse(address, ledger)) {
    await part(address, ledger);
    await ledger.run("protocol 5", (by) => multiplexed(address, by));
  }
  ledger.finish();
}

async function isReachable(address: RelayAddress, ledger: Ledger): Promise<boolean> {
  let reached: Reached;
  const reaches = await ledger.run("reachable", async (by) => {
    reached = await reach(address, by);
    return await reachable(address, reached);
  });
  if (!reaches || !address.isSecure) return reaches;
  return await ledger.run("TLS", async () => await trusted(address, reached));
}

/** Whether sockets open. Peers who are not introduced may still be paired: that goes on. */
async function meet(address: RelayAddress, ledger: Ledger): Promise<boolean> {
  await using sockets = new AsyncDisposableStack();
  let meeting: Meeting;
  const opens = await ledger.run("WebSocket", async (by) => {
    meeting = sockets.use(await Meeting.open(address, by));
    return works("opens");
  });
  if (opens) await ledger.run("introduction", (by) => meeting.introduce(by));
  return opens;
}

/** Whether two peers are paired. What fails spoils its pair: the next step gets a fresh one. */
async function converse(address: RelayAddress, ledger: Ledger): Promise<boolean> {
  let pair: Pair | undefined;
  const paired = await ledger.run("pairing", async (by) => {
    pair = await Pair.open(address, by);
    return works("two connections are joined");
  });
  if (!paired) return false;
  for (const [name, step] of CONVERSATION) {
    if (await ledger.run(name, async (by) => await step(pair ??= await Pair.open(address, by), by))) continue;
    await pair?.[Symbol.asyncDispose]();
    pair = undefined;
  }
  await pair?.[Symbol.asyncDispose]();
  return true;
}

async function part(address: RelayAddress, ledger: Ledger): Promise<void> {
  await ledger.run("held frames", async (by) => {
    await using pair = await Pair.holding(HELD, address, by);
    return await heldFrames(pair, by);
  });
  await ledger.run("close", async (by) => {
    await using pair = await Pair.open(address, by);
    return await farewell(pair, by);
  });
}
