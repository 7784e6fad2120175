/** Peers who will not go by themselves, with TLS and without: they are cut off, and what they took is given back. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { type RelayConfig, Server } from "../../../src/server/mod.ts";
import { closeFrame } from "../../helpers/bulk.ts";
import { FakeClock } from "../../helpers/fakes.ts";
import { within } from "../../helpers/process.ts";
import { frameOf, RawConnection, type Target } from "../../helpers/raw.ts";
import { TCP_VARIANTS, type Variant } from "../../helpers/transports.ts";

const BINARY = 2;
/** The state of a socket that listens, in `/proc/net/tcp`. */
const LISTENING = "0A";
const MIB = 1024 * 1024;
/** The beginning of a hello of TLS. */
const HALF_HELLO = Uint8Array.of(0x16, 3, 1, 0, 0xc8, 1, 0, 0, 0xc4, 3, 3);
/** The time between two looks at all sockets. */
const LOOK_MS = 7_500;

for (const variant of TCP_VARIANTS) {
  Deno.test(`${variant.name}: two sides that both send and never read are cut off after a minute`, async () => {
    await using relay = await Relay.start(variant);
    const [alice, bob] = await relay.pair();
    const sending = [alice, bob].map((raw) => flood(raw));
    // The system may take more of it later: what is kept says that nobody is read any more only when it stays the same.
    const isAtRest = atRest(relay.clock);
    await relay.until(({ bufferedBytes }) => isAtRest(bufferedBytes) && bufferedBytes > 0, "both to be paused");
    relay.clock.pass(LIMITS.stalledMs - LOOK_MS);
    assertEquals(relay.server.status.connections, 2);
    relay.clock.pass(3 * LOOK_MS);
    await until(() => relay.server.status.connections === 0, "both to be gone");
    await Promise.all(sending);
  });

  Deno.test(`${variant.name}: who takes nothing of what was sent before a close is cut off, whatever it sends`, async () => {
    await using relay = await Relay.start(variant);
    const [alice, bob] = await relay.pair();
    await relay.fill(alice);
    await alice.write(closeFrame(1_000));
    assertEquals((await alice.readClose())?.code, 1_000);
    await trickle(relay, bob, LIMITS.stalledMs);
    await relay.until(({ connections }) => connections === 0, "bob to be gone");
  });

  Deno.test(`${variant.name}: who does not answer a close is cut off after ten seconds, whatever it sends`, async () => {
    await using relay = await Relay.start(variant);
    const [alice, bob] = await relay.pair();
    await alice.write(closeFrame(1_000));
    assertEquals((await bob.readClose())?.code, 1_000);
    await trickle(relay, bob, LIMITS.closeAnswerMs);
    await relay.until(({ connections }) => connections === 0, "bob to be gone");
  });

  const closes = [
    ["lost its partner within a frame", frameOf(BINARY, new Uint8Array(MIB)).subarray(0, 100)],
    ["is closed", closeFrame(1_000)],
  ] as const;
  for (const [what, end] of closes) {
    Deno.test(`${variant.name}: who ${what} has a minute to read what came before, however much it sends`, async () => {
      await using relay = await Relay.start(variant);
      const [alice, bob] = await relay.pair();
      await alice.write(frameOf(BINARY, new Uint8Array(MIB)));
      await alice.write(end);
      alice[Symbol.dispose]();
      await relay.until(({ pairs, bufferedBytes }) => pairs === 0 && bufferedBytes === 0, "the pair to end");
      await trickle(relay, bob, LIMITS.stalledMs - 4 * LOOK_MS);
      assertEquals(relay.server.status.connections, 1);
      assertEquals((await bob.readFrame())?.payload.length, MIB);
      await trickle(relay, bob, 4 * LOOK_MS);
      await relay.until(({ connections }) => connections === 0, "bob to be gone");
    });
  }

  Deno.test(`${variant.name}: who is evicted for what it does not read is gone at once, descriptor and all`, async () => {
    await using relay = await Relay.start(variant, { maxBufferedTotal: 2 * MIB });
    const pairs = [];
    for (let i = 0; i < 6; i++) pairs.push(await relay.pair(`doc${i}`));
    const ends = endsOf(relay.server.port);
    assertEquals(descriptors(ends) >= 2 * pairs.length, true);
    const sending = pairs.map(([alice]) => flood(alice));
    await relay.until(({ pairs }) => pairs < 6, "somebody to be evicted");
    await relay.until(({ pairs, bufferedBytes, connections }) => {
      return bufferedBytes <= 2 * MIB && connections <= 2 * pairs + 6;
    }, "the evicted to be gone");
    // The ends here, of pairs that live or not, are ours.
    for (const raw of pairs.flat()) raw[Symbol.dispose]();
    await Promise.all(sending);
    await until(() => descriptors(ends) === 0, "all descriptors to be given back");
  });

  Deno.test(`${variant.name}: who begins a handshake and does not end it gives its descriptor back after ten seconds`, async () => {
    await using relay = await Relay.start(variant);
    await relay.ask();
    const silent = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(relay.target.port)));
    for (const raw of silent.slice(10)) await raw.write(variant.isTls ? HALF_HELLO : "GET /");
    await relay.ask();
    relay.clock.pass(LIMITS.requestMs - 1);
    await relay.ask();
    const ends = endsOf(relay.server.port);
    assertEquals(descriptors(ends) >= silent.length, true);
    relay.clock.pass(1);
    for (const raw of silent) await within(raw.hungUp(), "the relay to hang up");
    await until(() => descriptors(ends) === 0, "the descriptors to be given back");
    for (const raw of silent) raw[Symbol.dispose]();
  });
}

/** A relay in this process, whose time the test lets pass. */
class Relay implements AsyncDisposable {
  readonly #opened: RawConnection[] = [];
  #lookedAt = 0;

  private constructor(readonly server: Server, readonly clock: FakeClock, readonly target: Target) {}

  static async start({ config: how, isTls }: Variant, more: Partial<RelayConfig> = {}): Promise<Relay> {
    const clock = new FakeClock();
    const server = await new Server({ port: 0, host: "127.0.0.1", ...how, ...more }, { clock }).listen();
    return new Relay(server, clock, { port: server.port, isTls });
  }

  /** Two who have heard each other. */
  async pair(document = "doc"): Promise<[RawConnection, RawConnection]> {
    const alice = await RawConnection.upgrade(this.target, `/connection/alice/bob/${document}`);
    const bob = await RawConnection.upgrade(this.target, `/connection/bob/alice/${document}`);
    this.#opened.push(alice, bob);
    this.clock.pass(LIMITS.settleMs);
    await alice.sendText("hello");
    await bob.readFrame();
    return [alice, bob];
  }

  /** Sends until the relay keeps some of it. */
  async fill(raw: RawConnection): Promise<void> {
    while (this.server.status.bufferedBytes === 0) {
      await raw.write(frameOf(BINARY, new Uint8Array(100_000)));
      this.clock.pass(LIMITS.measureEveryMs);
    }
  }

  async until(isTrue: (status: Server["status"]) => boolean, what: string): Promise<void> {
    await until(() => isTrue(this.#look()), what);
  }

  /** What is asked behind something else is answered when that was heard. */
  async ask(): Promise<void> {
    using raw = await RawConnection.open(this.target);
    await raw.write("GET /healthz HTTP/1.1\r\nhost: relay\r\n\r\n");
    assertEquals(await raw.readStatus(), 200);
  }

  /** Time passes as it really does: on a busy machine many looks are needed, and nobody has stood still for so long. */
  #look(): Server["status"] {
    const now = performance.now();
    this.clock.pass(Math.min(now - this.#lookedAt, LIMITS.measureEveryMs));
    this.#lookedAt = now;
    return this.server.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const raw of this.#opened) raw[Symbol.dispose]();
    const closed = this.server.close();
    // Who is still there has had its time.
    await until(() => (this.clock.pass(LIMITS.closeMs), this.server.status.connections === 0), "all to be gone");
    await closed;
  }
}

/** Sends as much as is taken, until the relay hangs up. */
async function flood(raw: RawConnection): Promise<void> {
  const frame = frameOf(BINARY, new Uint8Array(64_000));
  try {
    for (;;) await raw.write(frame);
  } catch {
    // Hung up on, or closed by the test.
  }
}

/** For so long, and two looks more, a byte of a frame that never ends comes every few seconds. */
async function trickle(relay: Relay, raw: RawConnection, ms: number): Promise<void> {
  await raw.write(frameOf(BINARY, new Uint8Array(1_000)).subarray(0, 20)).catch(() => {});
  for (let passed = 0; passed < ms + 2 * LOOK_MS; passed += 2_500) {
    await raw.write(Uint8Array.of(0)).catch(() => {}); // gone already
    await relay.ask();
    relay.clock.pass(2_500);
  }
}

/** The relay's ends of its connections: the inodes that the system knows them by. */
function endsOf(port: number): string[] {
  const [, ...lines] = Deno.readTextFileSync("/proc/self/net/tcp").trimEnd().split("\n");
  const address = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return lines.map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local.endsWith(address) && state !== LISTENING)
    .map((fields) => fields[9]).filter((inode) => inode !== "0");
}

/** How many of these have a descriptor. Other tests in this process have descriptors of their own. */
function descriptors(inodes: readonly string[]): number {
  const links = new Set([...Deno.readDirSync("/proc/self/fd")].map(({ name }) => linkOf(name)));
  return inodes.filter((inode) => links.has(`socket:[${inode}]`)).length;
}

function linkOf(descriptor: string): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return ""; // closed meanwhile
  }
}

/** Says whether a figure has been the same for a second. */
function atRest(clock: FakeClock): (figure: number) => boolean {
  let [last, since] = [NaN, 0];
  return (figure) => {
    if (figure !== last) [last, since] = [figure, clock.now()];
    return clock.now() - since >= 1_000;
  };
}

/** Looks in every turn of the event loop. */
async function until(isTrue: () => boolean, what: string): Promise<void> {
  let isOver = false;
  const looking = (async () => {
    while (!isOver && !isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
  })();
  await within(looking, what).finally(() => isOver = true);
}
