/**
 * Runs all steps, in their order: each needs those before it.
 *
 * @module
 */

import type { RelayAddress } from "./address.ts";
import { CONVERSATION } from "./steps/conversation.ts";
import { closes } from "./steps/close.ts";
import { HELD, heldFrames } from "./steps/held_frames.ts";
import type { StepRunner } from "./step_runner.ts";
import { Introduction } from "./steps/introduction.ts";
import { multiplexed } from "./steps/multiplexed.ts";
import { Pair } from "./sides/pair.ts";
import { reach, reachable, type Reached, trusted } from "./steps/reach.ts";
import { works } from "./steps/step.ts";

/** Acts as two peers. Never throws, and closes what it opens. */
export async function runSteps(address: RelayAddress, runner: StepRunner): Promise<void> {
  const isThere = await isReachable(address, runner) && await introduces(address, runner);
  if (isThere && await pairs(address, runner)) {
    await ends(address, runner);
    await runner.run("protocol 5", (by) => multiplexed(address, by));
  }
  runner.finish();
}

async function isReachable(address: RelayAddress, runner: StepRunner): Promise<boolean> {
  let reached: Reached;
  const reaches = await runner.run("reachable", async (by) => {
    reached = await reach(address, by);
    return await reachable(address, reached);
  });
  if (!reaches || !address.isSecure) return reaches;
  return await runner.run("TLS", async () => await trusted(address, reached));
}

/** Whether sockets open. Peers that are not introduced may still be paired, so that does not count here. */
async function introduces(address: RelayAddress, runner: StepRunner): Promise<boolean> {
  await using sockets = new AsyncDisposableStack();
  let introduction: Introduction;
  const opens = await runner.run("WebSocket", async (by) => {
    introduction = sockets.use(await Introduction.open(address, by));
    return works("opens");
  });
  if (opens) await runner.run("introduction", (by) => introduction.introduce(by));
  return opens;
}

/** Whether two peers are paired. A step that fails may leave its pair unusable: the next step gets a new one. */
async function pairs(address: RelayAddress, runner: StepRunner): Promise<boolean> {
  let pair: Pair | undefined;
  const paired = await runner.run("pairing", async (by) => {
    pair = await Pair.open(address, by);
    return works("two connections are joined");
  });
  if (!paired) return false;
  for (const [name, step] of CONVERSATION) {
    if (await runner.run(name, async (by) => await step(pair ??= await Pair.open(address, by), by))) continue;
    await pair?.[Symbol.asyncDispose]();
    pair = undefined;
  }
  await pair?.[Symbol.asyncDispose]();
  return true;
}

async function ends(address: RelayAddress, runner: StepRunner): Promise<void> {
  await runner.run("held frames", async (by) => {
    await using pair = await Pair.holding(HELD, address, by);
    return await heldFrames(pair, by);
  });
  await runner.run("close", async (by) => {
    await using pair = await Pair.open(address, by);
    return await closes(pair, by);
  });
}
