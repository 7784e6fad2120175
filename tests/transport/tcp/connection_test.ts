/** Bytes in and out of a connection, whatever their sizes and whenever they come. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { MemoryBudget } from "../../../src/server/core/memory_budget.ts";
import { BufferPool } from "../../../src/server/transport/tcp/buffer_pool.ts";
import { Connection } from "../../../src/server/transport/tcp/connection.ts";
import { systemClock } from "../../../src/server/core/clock.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { Reader } from "../../../src/server/transport/tcp/reader.ts";
import { type BulkReader, ReadScheduler } from "../../../src/server/transport/tcp/read_scheduler.ts";
import { Turn } from "../../../src/server/transport/tcp/turn.ts";
import { FakeClock } from "../../helpers/fakes.ts";
import { concat } from "../../helpers/frames.ts";
import { within } from "../../helpers/process.ts";
import { RawConnection } from "../../helpers/raw.ts";

const { small, medium, large, huge } = LIMITS.readBytes;

/** The two ends of a connection, and what has come out of this one. */
class Rig implements Disposable {
  readonly received: number[] = [];
  readonly events: string[] = [];
  /** Sizes of the buffers that were read into. */
  readonly acquired: string[] = [];
  /** Called with the number of each chunk. */
  meddle: (at: number) => void = () => {};
  #chunks = 0;
  #changed = Promise.withResolvers<void>();

  private constructor(
    readonly connection: Connection,
    readonly peer: RawConnection,
    readonly scheduler: TestedScheduler,
    readonly poll: Poll,
    readonly buffers: MemoryBudget,
  ) {}

  static async open(): Promise<Rig> {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const [accepted, peer] = await Promise.all([listener.accept(), RawConnection.open(listener.addr.port)]);
    listener.close();
    const poll = new Poll(systemClock);
    await poll.open();
    const turn = new Turn(poll);
    const [scheduler, buffers] = [new TestedScheduler(turn), new MemoryBudget(Infinity, new FakeClock())];
    const pool = new BufferPool();
    const shared = { pool, scheduler, turn, buffers, open: new Set<Connection>() };
    const rig = new Rig(
      new Connection(accepted, (owner) => new Reader(accepted, owner, shared), shared),
      peer,
      scheduler,
      poll,
      buffers,
    );
    const acquire = pool.acquire.bind(pool);
    pool.acquire = (size) => (rig.acquired.push(size), acquire(size));
    rig.#listen();
    return rig;
  }

  #listen(): void {
    this.connection.listen({
      received: (buffer, length) => {
        for (const byte of buffer.bytes.subarray(0, length)) this.received.push(byte);
        buffer.release();
        this.meddle(this.#chunks++);
        this.#change();
      },
      taken: () => this.#change(),
      ended: () => this.note("ended"),
      gone: () => this.note("gone"),
    });
    this.connection.resume();
  }

  /** Waits until something that has happened makes it true. */
  async until(isTrue: () => boolean, what: string): Promise<void> {
    while (!isTrue()) await within(this.#changed.promise, what);
  }

  /** The peer resets the connection: it hangs up on what it has not read. */
  async reset(): Promise<void> {
    this.connection.write(new Uint8Array(200_000));
    await this.peer.skip(1);
    await this.until(() => this.connection.backlog === 0, "the rest to be on its way");
    this.peer[Symbol.dispose]();
  }

  /** All that comes until the wire hangs up. */
  async all(): Promise<Uint8Array> {
    return concat(await within(Array.fromAsync(this.peer.connection.readable), "the end"));
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
    this.connection.destroy();
    this.peer[Symbol.dispose]();
    this.scheduler.close();
    this.poll.close();
  }
}

/** Tells when somebody waits, and can be occupied. */
class TestedScheduler extends ReadScheduler {
  readonly awaited = Promise.withResolvers<void>();
  readonly #occupant: BulkReader = {
    wantedBytes: LIMITS.bulkBytes,
    readBulk: () => {},
    // It keeps its place until it is told to leave.
    foundNothing: () => super.enter(this.#occupant),
  };

  occupy(): void {
    super.enter(this.#occupant);
  }

  vacate(): void {
    this.#occupant.foundNothing = () => {};
    super.done(this.#occupant);
  }

  override enter(reader: BulkReader): void {
    super.enter(reader);
    this.awaited.resolve();
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

Deno.test("what a peer says at once is passed on in one chunk, whatever it said before", async () => {
  using rig = await Rig.open();
  const [chunks, said]: number[][] = [[], []];
  rig.meddle = () => chunks.push(rig.received.length);
  let sent = 0;
  for (const length of [1, small, 1, small + 1, 1, 4 * small, 1, medium, 3 * small, small, 1, medium - 1]) {
    await rig.peer.write(new Uint8Array(length));
    said.push(sent += length);
    await rig.until(() => rig.received.length === sent, `byte ${sent}`);
  }
  assertEquals(chunks, said);
});

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
    rig.connection.write(bytes.slice(at, at + size));
  }
  assertEquals(rig.connection.backlog, bytes.length);
  rig.connection.end(() => rig.connection.destroy());
  assertEquals(await rig.all(), bytes);
  assertEquals(rig.connection.backlog, 0);
});

Deno.test("a paused connection reads no more than it has begun to, and goes on where it stopped", async () => {
  using rig = await Rig.open();
  await rig.peer.write(noise(10));
  await rig.until(() => rig.received.length === 10, "the first bytes");
  rig.connection.pause();
  const bytes = noise(12_000_000);
  const sending = rig.peer.write(bytes);
  // The network takes some megabytes by itself; more only when the connection is read.
  await rig.until(() => rig.received.length > 10, "what was being read");
  assertEquals(rig.received.length <= 10 + small, true);
  rig.connection.resume();
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
  rig.connection.destroy();
  rig.connection.destroy();
  await rig.until(() => rig.events.includes("gone"), "the connection to be gone");
  assertEquals(rig.events, ["ended", "gone"]);
});

Deno.test("a connection whose peer reads nothing is gone at once when it is destroyed", async () => {
  using rig = await Rig.open();
  rig.connection.write(new Uint8Array(30_000_000));
  rig.connection.write(new Uint8Array(10));
  rig.connection.destroy();
  assertEquals(rig.events, []);
  await rig.until(() => rig.events.length > 0, "the connection to be gone");
  assertEquals(rig.events, ["gone"]);
});

Deno.test("who is destroyed while it waits for its turn does not keep the others from theirs", async () => {
  using rig = await Rig.open();
  rig.scheduler.occupy();
  await rig.peer.write(noise(medium));
  await within(rig.scheduler.awaited.promise, "the connection to wait for its turn");
  rig.connection.destroy();
  rig.scheduler.vacate();
  let isInside = false;
  rig.scheduler.enter({ wantedBytes: LIMITS.bulkBytes, readBulk: () => isInside = true, foundNothing: () => {} });
  assertEquals([isInside, rig.received.length], [true, 0]);
});

Deno.test("who is paused while it waits for its turn passes on what it has, and reads again when it is resumed", async () => {
  using rig = await Rig.open();
  rig.scheduler.occupy();
  const bytes = noise(medium + 5);
  await rig.peer.write(bytes);
  await within(rig.scheduler.awaited.promise, "the connection to wait for its turn");
  rig.connection.pause();
  rig.scheduler.vacate();
  assertEquals(rig.received.length, medium);
  rig.connection.resume();
  await rig.until(() => rig.received.length === medium + 5, "the rest");
  assertEquals(new Uint8Array(rig.received), bytes);
});

Deno.test("who was reset while it was paused, and is written to, is still read to its end", async () => {
  using rig = await Rig.open();
  rig.connection.pause();
  const bytes = noise(5 * medium);
  await rig.peer.write(bytes);
  await rig.reset();
  // The first write may still go out; none after it does, and none is kept.
  for (let i = 0; i < 3; i++) {
    rig.connection.write(new Uint8Array(10));
    while (rig.connection.backlog > 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(rig.events, []);
  rig.connection.resume();
  await rig.until(() => rig.events.length > 0, "the end");
  assertEquals(new Uint8Array(rig.received), bytes);
});

Deno.test("who is paused while it waits to read much waits for its peer with a small buffer when it is resumed", async () => {
  using rig = await Rig.open();
  // The bulk read that follows a full one has to wait.
  rig.meddle = () => rig.received.length === large && rig.scheduler.occupy();
  await rig.peer.write(noise(large));
  await rig.until(() => rig.received.length === large, "a full read");
  rig.connection.pause();
  rig.scheduler.vacate();
  rig.connection.resume();
  assertEquals(rig.acquired.at(-1), "medium");
});

for (const [size, kept] of [[small, 0], [medium, large], [large, huge]]) {
  Deno.test(`after exactly ${size} bytes a buffer of ${kept} is counted, until more comes`, async () => {
    using rig = await Rig.open();
    await rig.peer.write(noise(size));
    await rig.until(() => rig.received.length === size, "all bytes to be passed on");
    // The read for more begins behind that, and has found nothing a turn of the event loop later.
    while (rig.connection.measure() !== kept) await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(rig.buffers.total, kept);
    await rig.peer.write(noise(1));
    await rig.until(() => rig.received.length === size + 1, "one more");
    assertEquals(rig.connection.measure(), 0);
  });
}

/** What an owner may do with a connection while it is handed a chunk. */
const MEDDLING: Record<string, (connection: Connection, at: number) => void> = {
  "resumes it": (connection) => connection.resume(),
  "pauses and resumes it": (connection) => {
    connection.pause();
    connection.resume();
  },
  "pauses it for a turn": (connection) => {
    connection.pause();
    setTimeout(() => connection.resume(), 0);
  },
  "pauses it for a moment, or does nothing": (connection, at) => {
    if (at % 3 === 0) return;
    connection.pause();
    queueMicrotask(() => connection.resume());
  },
};

for (const [what, meddle] of Object.entries(MEDDLING)) {
  Deno.test(`an owner that ${what} while it is handed a chunk gets all in order`, async () => {
    using rig = await Rig.open();
    rig.meddle = (at) => meddle(rig.connection, at);
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
