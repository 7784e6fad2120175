/** Attacks on what a process can have open. */

import { connect, type Socket } from "node:net";
import type { Listening } from "../helpers/process.ts";
import { handshake, RawConnection } from "../helpers/raw.ts";
import { soonest } from "./fate.ts";
import type { Attack } from "./stage.ts";

/** Few, so that few connections use them up. */
const DESCRIPTORS = 400;
const CONNECTIONS = 500;
/** A lost handshake keeps its place for 10 s, so that a full relay refuses the others: this is time for a second lot. */
const RESET_SECONDS = 15;
/** More than a relay needs to drop silent connections, or to end. */
const NEWCOMER_SECONDS = 40;

export const handshakeResets: Attack = {
  name: `Resets during the handshake for ${RESET_SECONDS} s, ${DESCRIPTORS} descriptors`,
  oursOnly: true,
  conditions: { descriptors: DESCRIPTORS },
  async run(relay) {
    let isOver = false;
    relay.exited.then(() => isOver = true);
    const end = performance.now() + RESET_SECONDS * 1000;
    for (let i = 0; !isOver && performance.now() < end; i++) await resetHandshake(relay.port, i);
    return await newcomer(relay);
  },
};

export const silentConnections: Attack = {
  name: `${CONNECTIONS} silent connections, ${DESCRIPTORS} descriptors`,
  oursOnly: true,
  conditions: { descriptors: DESCRIPTORS },
  async run(relay) {
    const silent = await Promise.all(Array.from({ length: CONNECTIONS }, () => opened(relay.port)));
    const fate = await newcomer(relay);
    for (const socket of silent) socket.destroy();
    return fate;
  },
};

async function resetHandshake(port: number, id: number): Promise<void> {
  const socket = await opened(port);
  if (socket.destroyed) return;
  await new Promise((resolve) => socket.once("close", resolve).write(handshake(`/introduction/${id}`), resolve));
  socket.resetAndDestroy();
}

function opened(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    const done = () => resolve(socket);
    socket.once("connect", done).on("error", done).resume();
  });
}

/** Whether an honest peer can still come in, and how soon. */
async function newcomer(relay: Listening): Promise<string> {
  const startedAt = performance.now();
  const isIn = await soonest(comesIn(relay), NEWCOMER_SECONDS, false);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return isIn ? `a newcomer comes in after ${seconds} s` : "no newcomer comes in until the restart";
}

/** Tries again and again, until the relay has ended. */
async function comesIn(relay: Listening): Promise<boolean> {
  let hasEnded = false;
  relay.exited.then(() => hasEnded = true);
  for (let attempt = 0; !hasEnded && attempt < NEWCOMER_SECONDS * 10; attempt++) {
    try {
      using raw = await RawConnection.open(relay);
      await raw.write(handshake("/introduction/newcomer"));
      if ((await raw.readHead()).startsWith("HTTP/1.1 101 ")) return true;
    } catch {
      // Not accepted, or hung up on: it tries again like one who was refused.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
