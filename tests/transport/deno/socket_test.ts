import { assertEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { DenoSocket } from "../../../src/server/transport/deno/socket.ts";
import { TurnCounter } from "../../../src/server/transport/deno/turn_counter.ts";
import { byteLength, type PeerSocket, Upgrade } from "../../../src/server/transport/transport.ts";
import type { Message } from "../../../src/server/core/message.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";

/** As much of the runtime's socket as counts bytes. */
class FakeWebSocket {
  bufferedAmount = 0;
  onopen: (() => void) | undefined;

  send(message: Message): void {
    this.bufferedAmount += byteLength(message);
  }
}

function opened(runtime: FakeWebSocket): PeerSocket {
  const upgraded: PeerSocket[] = [];
  const upgrade = new Upgrade((socket) => upgraded.push(socket), () => {}, false);
  const clock = new FakeClock();
  const options = { maxMessageBytes: 1_000, clock, log: silentLog, turns: new TurnCounter(clock) };
  new DenoSocket(runtime as unknown as WebSocket, upgrade, options);
  runtime.onopen!();
  return upgraded[0];
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
