/** Who waits to be accepted keeps nobody from being heard. */

import { assert } from "@std/assert";
import { Socket } from "node:net";
import { systemClock } from "../../../src/server/core/clock.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { Listener } from "../../../src/server/transport/tcp/listener.ts";
import { Turn } from "../../../src/server/transport/tcp/turn.ts";
import { silentLog } from "../../helpers/fakes.ts";
import { within } from "../../helpers/process.ts";

const CONNECTIONS = 300;

/** What becomes of those who wait, and how many are accepted. */
const FATES = { "stay": CONNECTIONS + 1, "are reset before they are accepted": 2 };

for (const [fate, wanted] of Object.entries(FATES)) {
  Deno.test(`a listener asks the system for events between connections that wait in hundreds and ${fate}`, async () => {
    let turns = 0;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => begin = resolve);
    const turn = new Turn({
      after(action) {
        turns += 1;
        begun.then(() => systemClock.after(0, action));
      },
    });
    const accepted: Deno.TcpConn[] = [];
    const all = Promise.withResolvers<void>();
    const listener = new Listener({
      ...{ port: 0, host: "127.0.0.1", clock: systemClock, log: silentLog, turn },
      accepted(connection) {
        if (accepted.push(connection) === wanted) all.resolve();
      },
    });
    turn.spend(LIMITS.turnWork);
    const sockets = [await connected(listener.port)];
    // The listener has accepted the first, and waits for the next turn.
    for (let i = 1; i < CONNECTIONS; i++) sockets.push(await connected(listener.port));
    if (wanted < CONNECTIONS) { for (const socket of sockets.splice(1)) await reset(socket); }
    sockets.push(await connected(listener.port));
    begin();
    await within(all.promise, "the last to be accepted");
    assert(turns > CONNECTIONS * LIMITS.acceptWork / LIMITS.turnWork / 2, `${turns} turns`);
    listener.close();
    for (const socket of sockets) await reset(socket);
    for (const connection of accepted) connection.close();
  });
}

async function connected(port: number): Promise<Socket> {
  const socket = new Socket().on("error", () => {});
  await new Promise<void>((resolve) => socket.connect(port, "127.0.0.1", resolve));
  return socket;
}

async function reset(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once("close", resolve).resetAndDestroy());
}
