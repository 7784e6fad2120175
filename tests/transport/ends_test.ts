/**
 * Pairs that end while something is under way, on the transport for the internet, with TLS and without, on one instance
 * and over two: what was whole is delivered, and whoever can be told is told.
 */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Server } from "../../src/server/mod.ts";
import { closeFrame, Listener, numbered, numberOf, Speaker } from "../helpers/bulk.ts";
import { FakeClock } from "../helpers/fakes.ts";
import { Population } from "../helpers/population.ts";
import { within } from "../helpers/process.ts";
import { withProgram } from "../helpers/programs.ts";
import { RawConnection, type Target } from "../helpers/raw.ts";
import { TCP_VARIANTS, type Variant } from "../helpers/transports.ts";

const KIB = 1024;

/** Where alice and bob come to. */
interface Place extends AsyncDisposable {
  readonly alices: Target;
  readonly bobs: Target;
}

/** One instance, in this process. */
class House implements Place {
  readonly alices: Target;
  readonly bobs: Target;

  private constructor(readonly server: Server, { isTls }: Variant) {
    this.alices = this.bobs = { port: server.port, isTls };
  }

  static async open(variant: Variant, clock?: FakeClock): Promise<House> {
    const server = new Server({ port: 0, host: "127.0.0.1", ...variant.config }, { clock });
    return new House(await server.listen(), variant);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}

/** Two instances, in processes of their own. */
class Street implements Place {
  private constructor(readonly population: Population) {}

  static async open({ flags }: Variant, more: string[] = []): Promise<Street> {
    return new Street(await Population.start(2, [...flags, ...more]));
  }

  get alices(): Target {
    return this.population.relays[0];
  }

  get bobs(): Target {
    return this.population.relays[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.population[Symbol.asyncDispose]();
  }
}

/** Two raw sockets that have heard each other. */
class Pair implements Disposable {
  private constructor(readonly alice: RawConnection, readonly bob: RawConnection) {}

  /** @param settled Lets time pass until what is sent to a newcomer is delivered. */
  static async open(place: Place, document = "doc", settled = () => {}): Promise<Pair> {
    const pair = new Pair(await alice(place, document), await bob(place, document));
    settled();
    await pair.alice.sendText("hello");
    await pair.bob.readFrame();
    return pair;
  }

  [Symbol.dispose](): void {
    this.alice[Symbol.dispose]();
    this.bob[Symbol.dispose]();
  }
}

function alice({ alices }: Place, document = "doc"): Promise<RawConnection> {
  return RawConnection.upgrade(alices, `/connection/alice/bob/${encodeURIComponent(document)}`);
}

function bob({ bobs }: Place, document = "doc"): Promise<RawConnection> {
  return RawConnection.upgrade(bobs, `/connection/bob/alice/${encodeURIComponent(document)}`);
}

for (const variant of TCP_VARIANTS) {
  Deno.test(`${variant.name}: ends are told behind what came before them`, (t) => endings(t, House.open(variant)));

  Deno.test(`${variant.name}: a drain waits for the end of a frame under way, and its 1012 comes behind it`, async () => {
    // Time stands still, so that nobody's patience ends.
    const clock = new FakeClock();
    const house = await House.open(variant, clock);
    using pair = await Pair.open(house, "doc", () => clock.pass(LIMITS.settleMs));
    const frame = numbered(7, 200 * KIB);
    await pair.alice.write(frame.subarray(0, 100 * KIB));
    await pair.bob.skip(50 * KIB);
    const drained = house.server.close();
    assertEquals(await pair.alice.readClose(), CLOSE.restarting);
    await pair.alice.write(frame.subarray(100 * KIB));
    // The mask is left out.
    await pair.bob.skip(frame.byteLength - 4 - 50 * KIB);
    assertEquals(await pair.bob.readClose(), CLOSE.restarting);
    pair[Symbol.dispose]();
    await within(drained, "the relay to end");
  });
}

withProgram("nats-server", () => {
  for (const variant of TCP_VARIANTS) {
    const name = `${variant.name}, two instances: ends are told behind what came before them`;
    Deno.test(name, (t) => endings(t, Street.open(variant)));

    Deno.test(`${variant.name}, two instances: a drain with bulk under way ends it behind whole messages, with 1012`, async () => {
      await using street = await Street.open(variant, ["--drain-timeout", "3"]);
      const documents = Array.from({ length: 2 }, (_, i) => `bulk ${i}`);
      const pairs = await Promise.all(documents.map((document) => Pair.open(street, document)));
      const sockets = pairs.flatMap(({ alice, bob }) => [alice, bob]);
      const listeners = sockets.map((raw) => new Listener(raw));
      // Alice and Bob are next to each other: who is heard by whom differs in the last bit.
      const speakers = sockets.map((raw, i) => new Speaker(raw, listeners[i ^ 1]));
      await within(Promise.all(listeners.map(({ bulk }) => bulk)), "bulk to be under way");
      street.population.relays[0].signal("SIGTERM");
      const ends = await within(Promise.all(listeners.map(({ end }) => end)), "all to hear of it");
      for (const pair of pairs) pair[Symbol.dispose]();
      await Promise.all(speakers.map((speaker) => speaker.stop()));
      assertEquals(ends, sockets.map(() => CLOSE.restarting));
      assertEquals((await street.population.relays[0].exited).code, 0);
    });
  }
});

async function endings(t: Deno.TestContext, opening: Promise<Place>): Promise<void> {
  await using place = await opening;
  for (const [what, happens] of Object.entries(ENDINGS)) await t.step(what, () => happens(place));
}

const ENDINGS: Record<string, (place: Place) => Promise<void>> = {
  "who is lost within a frame (FIN) has said what was whole before it": (place) => lostWithinFrame(place, "FIN"),
  "who is lost within a frame (RST) has said what was whole before it": (place) => lostWithinFrame(place, "RST"),
  "who is lost between two frames is told with 4410, behind what it said": lostBetweenFrames,
  "of ten who are superseded with bulk under way all hear 4409": superseded,
  "a hang-up (FIN) while both speak is heard at once": (place) => hungUp(place, "FIN"),
  "a hang-up (RST) while both speak is heard at once": (place) => hungUp(place, "RST"),
  "a hang-up (close) while both speak is heard at once": (place) => hungUp(place, "close"),
};

async function lostWithinFrame(place: Place, end: "FIN" | "RST"): Promise<void> {
  using pair = await Pair.open(place, `within ${end}`);
  const MESSAGES = 60;
  // A reset drops what its sender's kernel still holds: all fits into the 64 KiB that a connection's window begins with.
  const bytes = end === "RST" ? 700 : 3 * KIB;
  for (let i = 0; i < MESSAGES; i++) await pair.alice.write(numbered(i, bytes));
  await pair.alice.write(numbered(MESSAGES, 30 * KIB).subarray(0, 10 * KIB));
  // Who hangs up on what it has not read resets the connection.
  if (end === "RST") await pair.bob.write(numbered(0, 100 * KIB));
  if (end === "RST") await pair.alice.skip(1);
  pair.alice[Symbol.dispose]();
  for (let i = 0; i < MESSAGES; i++) assertEquals(numberOf(await pair.bob.readFrame()), i);
  assertEquals(await pair.bob.readFrame(), undefined, "half a frame leaves no place for a close");
}

async function lostBetweenFrames(place: Place): Promise<void> {
  using pair = await Pair.open(place, "between");
  await pair.alice.write(numbered(1, 300 * KIB));
  pair.alice[Symbol.dispose]();
  assertEquals(numberOf(await pair.bob.readFrame()), 1);
  assertEquals(await pair.bob.readClose(), CLOSE.peerLost);
}

async function superseded(place: Place): Promise<void> {
  const documents = Array.from({ length: 10 }, (_, i) => `bulk ${i}`);
  const heard = await Promise.all(documents.map(async (document) => {
    using pair = await Pair.open(place, document);
    const speaker = new Speaker(pair.bob);
    const listener = new Listener(pair.alice);
    await within(listener.bulk, "bulk to be under way");
    using _newer = await alice(place, document);
    const close = await within(listener.end, "the close");
    await speaker.stop();
    return close;
  }));
  assertEquals(heard, documents.map(() => CLOSE.superseded));
}

async function hungUp(place: Place, end: "FIN" | "RST" | "close"): Promise<void> {
  using pair = await Pair.open(place, `both ${end}`);
  const both = [pair.alice, pair.bob];
  const speakers = both.map((raw) => new Speaker(raw));
  const [listener, other] = both.map((raw) => new Listener(raw));
  await within(Promise.all([listener.bulk, other.bulk]), "bulk to be under way");
  if (end === "close") await speakers[0].stop(closeFrame(4_200));
  else if (end === "FIN") await pair.alice.connection.closeWrite();
  else pair.alice[Symbol.dispose]();
  const close = await within(other.end, "the other to hear of it", AT_ONCE_SECONDS);
  if (end === "close") assertEquals(close?.code, 4_200);
  pair[Symbol.dispose]();
  await Promise.all(speakers.map((speaker) => speaker.stop()));
  await listener.end;
}

/** On a machine that may be busy. */
const AT_ONCE_SECONDS = 10;
