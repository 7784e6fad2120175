/**
 * One end of a conversation in a process of its own, so that its processor time is its own:
 * `deno run -A tests/bench/sealed_end.ts sender|receiver URL SECRET|- BYTES MESSAGES`. Prints one line of JSON.
 */

import process from "node:process";
import { Client, type PeerSocket } from "../../src/client/mod.ts";

/** Bytes under way at a time: as much as keeps the relay busy and no queue long. */
const WINDOW_BYTES = 1024 * 1024;
/** A tenth as many go before, for the compilers. */
const WARM_UP = 0.1;

/** What one end took. */
export interface Effort {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

if (import.meta.main) {
  const [role, url, secret, bytes, messages] = Deno.args;
  const game = { bytes: Number(bytes), messages: Number(messages) };
  const client = new Client({ url, userName: role, documentIds: ["bench"], ...(secret !== "-" && { secret }) });
  const socket = await new Promise<PeerSocket>((resolve) => {
    client.on("peer.connect", ({ socket }) => resolve(socket));
  });
  const acknowledgeEvery = Math.max(1, Math.floor(WINDOW_BYTES / 2 / game.bytes));
  const run = role === "sender" ? send : receive;
  await run(socket, { ...game, messages: Math.ceil(game.messages * WARM_UP), acknowledgeEvery });
  const before = { at: performance.now(), cpu: process.cpuUsage() };
  await run(socket, { ...game, acknowledgeEvery });
  const { user, system } = process.cpuUsage(before.cpu);
  const effort: Effort = { seconds: (performance.now() - before.at) / 1000, cpuSeconds: (user + system) / 1e6 };
  console.log(JSON.stringify(effort));
  await client[Symbol.asyncDispose]();
}

interface Game {
  readonly bytes: number;
  readonly messages: number;
  readonly acknowledgeEvery: number;
}

async function send(socket: PeerSocket, { bytes, messages, acknowledgeEvery }: Game): Promise<void> {
  const message = new Uint8Array(bytes);
  let [sent, acknowledged] = [0, 0];
  await new Promise<void>((resolve) => {
    const flow = () => {
      while (sent < messages && sent - acknowledged < 2 * acknowledgeEvery) {
        socket.send(message);
        sent++;
      }
    };
    socket.onmessage = ({ data }) => {
      acknowledged = Number(data);
      if (acknowledged === messages) resolve();
      else flow();
    };
    flow();
  });
}

async function receive(socket: PeerSocket, { messages, acknowledgeEvery }: Game): Promise<void> {
  let received = 0;
  await new Promise<void>((resolve) => {
    socket.onmessage = () => {
      received++;
      if (received % acknowledgeEvery === 0 || received === messages) socket.send(String(received));
      if (received === messages) resolve();
    };
  });
}
