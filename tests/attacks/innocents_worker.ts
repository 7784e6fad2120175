/**
 * Innocents in a thread of their own: what keeps the attacker busy is not what they wait for.
 *
 * @module
 */

import { Conversation, type Meeting } from "./conversation.ts";

/** What the types of this project, which are a window's, do not say of a worker. */
const worker = self as unknown as Pick<Worker, "onmessage" | "postMessage"> & { close(): void };

const { promise: leaving, resolve: leave } = Promise.withResolvers<void>();

worker.onmessage = async ({ data }: MessageEvent<Meeting | "leave">) => {
  if (data === "leave") return leave();
  const conversation = await Conversation.meet(data);
  worker.postMessage("met");
  await leaving;
  worker.postMessage(await conversation.leave());
  worker.close();
};
