import { Duplex } from "node:stream";
import { assertEquals } from "@std/assert";
import { StreamWire } from "../../../src/server/transport/tcp/stream_wire.ts";
import { NOBODY, Upgrade } from "../../../src/server/transport/transport.ts";
import { WireSocket } from "../../../src/server/transport/tcp/socket.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";

/** "Hello" as a client sends it (RFC 6455, 5.7), and as a server does. */
const MASKED = "818537fa213d7f9f4d5158";
const PLAIN = "810548656c6c6f";

/** The network: takes what is written when told to, or at once. */
class Network extends Duplex {
  taken = "";
  #waiting: (() => void)[] = [];

  constructor(readonly takesAtOnce: boolean) {
    super();
  }

  override _read(): void {}

  override _write(bytes: Uint8Array, _encoding: string, written: () => void): void {
    const take = () => {
      this.taken += bytes.toHex();
      written();
    };
    if (this.takesAtOnce) take();
    else this.#waiting.push(take);
  }

  takeNext(): void {
    this.#waiting.shift()?.();
  }
}

/** Two sockets of which the first sends to the second; gives what chunks are read from, and what is written to. */
function spliced(takesAtOnce: boolean): { source: Network; sink: Network } {
  const options = { maxMessageBytes: 1_000, clock: new FakeClock(), log: silentLog };
  const upgrade = new Upgrade(() => {}, () => {}, true);
  const [source, sink] = [new Network(true), new Network(takesAtOnce)];
  const [from, to] = [source, sink].map((network) =>
    new WireSocket(new StreamWire(network), new Uint8Array(), upgrade, options)
  );
  from.listen({ ...NOBODY, message: (frame) => to.send(frame) });
  return { source, sink };
}

Deno.test("memory that was read into is given back as soon as it is written", () => {
  const { source, sink } = spliced(true);
  const chunk = Uint8Array.fromHex(MASKED);
  source.emit("data", chunk);
  assertEquals([sink.taken, chunk.buffer.byteLength], [PLAIN, 0]);
});

Deno.test("what the network does not take yet keeps its memory", () => {
  const { source, sink } = spliced(false);
  for (let i = 0; i < 3; i++) source.emit("data", Uint8Array.fromHex(MASKED));
  for (let i = 0; i < 3; i++) sink.takeNext();
  assertEquals(sink.taken, PLAIN.repeat(3));
});

Deno.test("memory that is shared with others is neither given back nor written over", () => {
  const { source, sink } = spliced(true);
  const shared = Uint8Array.fromHex(`ff${MASKED}ff`);
  source.emit("data", shared.subarray(1, -1));
  assertEquals([sink.taken, shared.toHex()], [PLAIN, `ff${MASKED}ff`]);
});
