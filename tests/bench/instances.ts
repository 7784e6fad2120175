/**
 * Several instances that act as one over NATS, against fewer of them: what a pair and an introduction across cost, and
 * what one instance more does.
 *
 * @module
 */

import { NatsServer } from "../helpers/nats.ts";
import { RELAY_ENV, startRelay } from "../helpers/process.ts";
import { findProgram } from "../helpers/programs.ts";
import { conversations, type Talk } from "./conversations.ts";
import { documents, introductions } from "./introductions.ts";
import { restingMemory } from "./memory.ts";
import type { Row } from "./report.ts";
import type { Contestant } from "./servers.ts";
import type { Pace } from "./throughput.ts";

type Transport = "tcp" | "deno";

const KEYSTROKE: Talk = { title: "64 B, next after the last", bytes: 64, window: 1 };
const SYNC: Talk = { title: "64 KiB, 32 under way", bytes: 64 * 1024, window: 32 };

/** Everything that peers notice for each transport, and what one instance more costs. */
export async function* instances(pace: Pace): AsyncGenerator<Row[]> {
  if (findProgram("nats-server") === undefined) return console.error("No nats-server: left out several instances");
  for (const transport of ["tcp", "deno"] as const) {
    const contestants = [together(2, transport), together(1, transport)];
    for (const talk of [KEYSTROKE, SYNC]) yield await conversations(contestants, talk, pace);
    yield await introductions(contestants, pace);
    yield await documents(contestants, pace);
  }
  yield await introductions([together(3, "tcp"), together(2, "tcp")], pace);
  yield await documents([together(3, "tcp"), together(2, "tcp")], pace);
  yield await restingMemory([together(2, "tcp"), together(1, "tcp")]);
}

/** So many instances. One has no need of NATS. */
function together(count: number, transport: Transport): Contestant {
  const name = count === 1 ? `one ${transport}` : `${count} ${transport} over NATS`;
  return { name, start: () => start(count, ["--transport", transport]) };
}

async function start(count: number, args: string[]) {
  const nats = count === 1 ? undefined : await NatsServer.start();
  const all = [...args, ...(nats === undefined ? [] : ["--nats", nats.url])];
  const relays = await Promise.all(Array.from({ length: count }, () => startRelay(all, { env: RELAY_ENV })));
  const [{ port, pid }, ...others] = relays;
  return {
    port,
    pid,
    others: others.map(({ port, pid }) => ({ port, pid })),
    async stop() {
      for (const process of [...relays, nats]) await process?.[Symbol.asyncDispose]();
    },
  };
}
