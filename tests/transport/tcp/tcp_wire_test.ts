/** Bytes in and out of a TCP connection, whatever their sizes and whenever they come. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { MemoryPool } from "../../../src/server/transport/tcp/buffer_pool.ts";
import { type Reader, ReadTurns } from "../../../src/server/transport/tcp/read_scheduler.ts";
import { TcpReader } from "../../../src/server/transport/tcp/reader.ts";
import { TcpWire } from "../../../src/server/transport/tcp/tcp_wire.ts";
import { concat } from "../../helpers/frames.ts";
import { within } from "../../helpers/process.ts";
import { RawConnection } from "../../helpers/raw.ts";

const { small, medium, large, huge } = LIMITS.readBytes;

/** The two ends of a connection, and what has come out of the wire. */
class Rig implements Disposable {
  readonly received: number[] = [];
  readonly events: string[] = [];
  /** Called with the number of each chunk. */
  meddle: (at: number) => void = () => {};
  #chunks = 0;
  #changed = Promise.withResolvers<void>();

  private constructor(readonly wire: TcpWire, readonly peer: RawConnection) {}

  static async open(turns = new ReadTurns()): Promise<Rig> {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const [connection, peer] = await Promise.all([
      listener.accept(),
      RawConnection.open(listener.addr.port),
    ]);
    listener.close();
    const options = { pool: new MemoryPool(), turns, open: new Set<TcpWire>() };
    const rig = new Rig(new TcpWire(connection, options), peer);
    rig.wire.listen({
      received: (memory, length) => {
        for (const byte of memory.bytes.subarray(0, length)) rig.received.push(byte);
        memory.giveBack();
        rig.meddle(rig.#chunks++);
        rig.#change();
      },
      taken: () => rig.#change(),
      ended: () => rig.note("ended"),
      gone: () => rig.note("gone"),
    });
    rig.wire.resume();
    return rig;
  }

  /** Waits until something that has happened makes it true. */
  async until(isTrue: () => boolean, what: string): Promise<void> {
    while (!isTrue()) await within(this.#changed.promise, what);
  }

  /** All that comes until the wire hangs up. */
  async all(): Promise<Uint8Array> {
    return concat(await within(Array.fromAsync(this.peer.connection.readable), "the end of the connection"));
  }

  note(event: string): void {
    this.events.push(event);
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  [Symbol.dispose](): void {
    this.wire.destroy();
    this.peer[Symbol.dispose]();
  }
}

/** Bytes of which none tells where it stands, but all together do. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7 + (at >> 16)) & 255);
}

for (const size of [1, small - 1, small, small + 1, medium, large - 1, large, large + 1, huge + large, 3 * huge + 5]) {
  Deno.test(`${size} bytes are passed on although nothing follows them, again and again`, async () => {
    using rig = await Rig.open();
    for (let round = 1; round <= 3; round++) {
      const bytes = noise(size);
      rig.received.length = 0;
      await rig.peer.write(bytes);
      await rig.until(() => rig.received.length >= size, `${size} bytes in round ${round}`);
      assertEquals(new Uint8Array(rig.received), bytes);
    }
  });
}

Deno.test("what comes in after a read has waited in vain for more is in order", async () => {
  using rig = await Rig.open();
  const bytes = noise(10 * medium);
  let sent = 0;
  // Each part fills what is read into, and the next comes when it has been passed on.
  for (const part of [small, medium, medium, 1, small, 5, medium, medium]) {
    await rig.peer.write(bytes.subarray(sent, sent += part));
    await rig.until(() => rig.received.length === sent, `byte ${sent}`);
  }
  assertEquals(new Uint8Array(rig.received), bytes.slice(0, sent));
});

Deno.test("what is written goes out whole and in order, also to a peer that reads late", async () => {
  using rig = await Rig.open();
  const bytes = noise(12_000_000);
  for (let at = 0, size = 1; at < bytes.length; at += size, size = size * 3 % 200_001 + 1) {
    rig.wire.write(bytes.slice(at, at + size));
  }
  assertEquals(rig.wire.backlog, bytes.length);
  rig.wire.end(() => rig.wire.destroy());
  assertEquals(await rig.all(), bytes);
  assertEquals(rig.wire.backlog, 0);
});

Deno.test("a paused wire reads no more than it has begun to, and goes on where it stopped", async () => {
  using rig = await Rig.open();
  await rig.peer.write(noise(10));
  await rig.until(() => rig.received.length === 10, "the first bytes");
  rig.wire.pause();
  const bytes = noise(12_000_000);
  const sending = rig.peer.write(bytes);
  // The network takes some megabytes by itself; more only when the wire reads.
  await rig.until(() => rig.received.length > 10, "what was being read");
  assertEquals(rig.received.length <= 10 + small, true);
  rig.wire.resume();
  await within(sending, "all to be taken");
  await rig.until(() => rig.received.length === 10 + bytes.length, "all bytes");
  assertEquals(new Uint8Array(rig.received.slice(10)), bytes);
});

Deno.test("the end of a peer is heard behind what it sent, and gone only once", async () => {
  using rig = await Rig.open();
  await rig.peer.write(noise(small));
  await rig.peer.connection.closeWrite();
  await rig.until(() => rig.events.includes("ended"), "the end");
  assertEquals(rig.received.length, small);
  rig.wire.destroy();
  rig.wire.destroy();
  await rig.until(() => rig.events.includes("gone"), "the wire to be gone");
  assertEquals(rig.events, ["ended", "gone"]);
});

Deno.test("a wire whose peer reads nothing is gone at once when it is destroyed", async () => {
  using rig = await Rig.open();
  rig.wire.write(new Uint8Array(30_000_000));
  rig.wire.write(new Uint8Array(10));
  rig.wire.destroy();
  assertEquals(rig.events, []);
  await rig.until(() => rig.events.length > 0, "the wire to be gone");
  assertEquals(rig.events, ["gone"]);
});

/** Turns of which somebody has taken all, and that tell when somebody waits. */
function occupied(): { turns: ReadTurns; awaited: Promise<void> } {
  const { promise: awaited, resolve } = Promise.withResolvers<void>();
  class Turns extends ReadTurns {
    override enter(reader: Reader): void {
      super.enter(reader);
      if (reader instanceof TcpReader) resolve();
    }
  }
  const turns = new Turns();
  turns.enter({ wantedBytes: LIMITS.turnBytes, takeTurn: () => {} });
  return { turns, awaited };
}

Deno.test("who is destroyed while it waits for its turn does not keep the others from theirs", async () => {
  const { turns, awaited } = occupied();
  using rig = await Rig.open(turns);
  await rig.peer.write(noise(medium));
  await within(awaited, "the wire to wait for its turn");
  rig.wire.destroy();
  turns.leave(LIMITS.turnBytes);
  let isInside = false;
  turns.enter({ wantedBytes: LIMITS.turnBytes, takeTurn: () => isInside = true });
  assertEquals([isInside, rig.received.length], [true, 0]);
});

Deno.test("who is paused while it waits for its turn passes on what it has, and reads again when it is resumed", async () => {
  const { turns, awaited } = occupied();
  using rig = await Rig.open(turns);
  const bytes = noise(medium + 5);
  await rig.peer.write(bytes);
  await within(awaited, "the wire to wait for its turn");
  rig.wire.pause();
  turns.leave(LIMITS.turnBytes);
  assertEquals(rig.received.length, medium);
  rig.wire.resume();
  await rig.until(() => rig.received.length === medium + 5, "the rest");
  assertEquals(new Uint8Array(rig.received), bytes);
});

for (const [size, pinned] of [[small, 0], [medium, large], [large, huge]]) {
  Deno.test(`exactly ${size} bytes pin ${pinned} of the memory of all, until more comes`, async () => {
    const turns = new ReadTurns();
    using rig = await Rig.open(turns);
    let bytes = 0;
    const pin = turns.pin.bind(turns);
    turns.pin = (more) => {
      bytes += more;
      pin(more);
      rig.note("pinned");
    };
    await rig.peer.write(noise(size));
    await rig.until(() => rig.received.length === size && bytes === pinned, "all bytes to be passed on");
    await rig.peer.write(noise(1));
    await rig.until(() => rig.received.length === size + 1, "one more");
    assertEquals(bytes, 0);
  });
}

Deno.test("while nobody has a turn, everything still comes", async () => {
  const turns = new ReadTurns();
  turns.pin(LIMITS.pinnedBytes);
  using rig = await Rig.open(turns);
  const bytes = noise(1_000_000);
  await rig.peer.write(bytes);
  await rig.until(() => rig.received.length === bytes.length, "all bytes");
  assertEquals(new Uint8Array(rig.received), bytes);
});

/** What an owner may do with a wire while it is handed a chunk. */
const MEDDLING: Record<string, (wire: TcpWire, at: number) => void> = {
  "resumes it": (wire) => wire.resume(),
  "pauses and resumes it": (wire) => {
    wire.pause();
    wire.resume();
  },
  "pauses it for a turn": (wire) => {
    wire.pause();
    setTimeout(() => wire.resume(), 0);
  },
  "pauses it for a moment, or does nothing": (wire, at) => {
    if (at % 3 === 0) return;
    wire.pause();
    queueMicrotask(() => wire.resume());
  },
};

for (const [what, meddle] of Object.entries(MEDDLING)) {
  Deno.test(`an owner that ${what} while it is handed a chunk gets all in order`, async () => {
    using rig = await Rig.open();
    rig.meddle = (at) => meddle(rig.wire, at);
    const sizes = [large, 3 * huge, medium, large + medium, small, 2 * huge + large, 1, huge, medium + small];
    const bytes = noise(sizes.reduce((a, b) => a + b, 0));
    let sent = 0;
    for (const size of sizes) {
      await rig.peer.write(bytes.subarray(sent, sent += size));
      await rig.until(() => rig.received.length === sent, `byte ${sent}`);
    }
    assertEquals(new Uint8Array(rig.received), bytes);
  });
}
