import { assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { DenoSocket } from "../../../src/server/transport/deno/socket.ts";
import { TurnCounter } from "../../../src/server/transport/deno/turn_counter.ts";
import {
  byteLength,
  NOBODY,
  type PeerSocket,
  type SocketListener,
  Upgrade,
} from "../../../src/server/transport/transport.ts";
import type { Message } from "../../../src/server/core/message.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";
import { within } from "../../helpers/process.ts";
import { RawConnection } from "../../helpers/raw.ts";

/** Longer than the test. */
const IDLE_SECONDS = 600;

/** As much of the runtime's socket as counts bytes. */
class FakeWebSocket extends EventTarget {
  bufferedAmount = 0;
  onopen: (() => void) | undefined;
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }

  send(message: Message): void {
    this.bufferedAmount += byteLength(message);
  }
}

function opened(runtime: FakeWebSocket, before = (_clock: FakeClock) => {}): PeerSocket {
  const upgraded: PeerSocket[] = [];
  const upgrade = new Upgrade((socket) => upgraded.push(socket), () => {}, false);
  const clock = new FakeClock();
  new DenoSocket(runtime as unknown as WebSocket, upgrade, options(clock));
  before(clock);
  runtime.onopen!();
  return upgraded[0];
}

function options(clock = new FakeClock()) {
  return { maxMessageBytes: 1_000, clock, log: silentLog, turns: new TurnCounter(clock) };
}

Deno.test("the backlog of a socket is what was sent in this turn and what the network has not taken before", async () => {
  const runtime = new FakeWebSocket();
  const socket = opened(runtime);
  const messages: Message[] = ["héllo", new Uint8Array(100), new ArrayBuffer(10), "", new Uint8Array(7)];
  assertEquals(socket.backlog, 0);
  for (const [at, message] of messages.entries()) {
    socket.send(message);
    assertEquals(socket.backlog, runtime.bufferedAmount + (at + 1) * LIMITS.frameOverheadBytes);
  }
  for (const left of [50, 0]) {
    await Promise.resolve();
    runtime.bufferedAmount = left;
    assertEquals(socket.backlog, left > 0 ? left + messages.length * LIMITS.frameOverheadBytes : 0);
  }
  socket.send(new Uint8Array(3));
  assertEquals(socket.backlog, 3 + LIMITS.frameOverheadBytes);
});

Deno.test("who opened while the process stood still is welcome, who opens too late is not", () => {
  for (const [before, isWelcome] of [["block", true], ["pass", false]] as const) {
    const runtime = new FakeWebSocket();
    const socket = opened(runtime, (clock) => clock[before](LIMITS.openMs + LIMITS.stoodStillMs));
    assertEquals([socket !== undefined, runtime.isClosed], [isWelcome, !isWelcome], before);
  }
});

Deno.test("what a socket that vanished had is collected, though the runtime's idle timer holds the socket for minutes", async () => {
  const vanished = Promise.withResolvers<WeakRef<SocketListener>>();
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: IDLE_SECONDS });
    const opened = (peer: PeerSocket) => {
      const listener = { ...NOBODY, closed: () => vanished.resolve(new WeakRef<SocketListener>(listener)) };
      peer.listen(listener);
    };
    new DenoSocket(socket, new Upgrade(opened, () => {}, false), options());
    return response;
  });
  const raw = await RawConnection.upgrade(server.addr.port, "/");
  raw[Symbol.dispose]();
  await collected(await within(vanished.promise, "the end of the socket"));
});

/** Collects garbage until this is gone. */
async function collected(reference: WeakRef<WeakKey>): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  let isOver = false;
  const looking = (async () => {
    for (; !isOver && reference.deref() !== undefined; collect()) {
      // What was asked of in this turn of the event loop is kept to its end.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await within(looking, "what is not needed any more to be collected", 20).finally(() => isOver = true);
}
