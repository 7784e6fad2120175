/**
 * Input that no honest client sends, on raw TCP, for both transports: what the attacker hears, what its partner hears, and
 * that nobody else hears anything. A row with a `hole` names what the runtime lets pass and we cannot mend.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { type RelayConfig, Server } from "../../src/server/mod.ts";
import { closeFrame } from "../helpers/bulk.ts";
import { Peer } from "../helpers/peer.ts";
import { within } from "../helpers/process.ts";
import { frameOf, handshake, RawConnection } from "../helpers/raw.ts";
import { type Variant, VARIANTS } from "../helpers/transports.ts";

type TransportName = RelayConfig["transport"];

const DENO = VARIANTS.find(({ name }) => name === "deno")!;
const TCP = VARIANTS.find(({ name }) => name === "tcp")!;

/** How the attacker ends: with a close code, without one, or not at all: then its next message still crosses. */
type Verdict = number | "hang-up" | "lives on" | "waits";

/** One kind of input, and what becomes of the attacker on each transport, and of its partner. */
interface Hostile {
  readonly what: string;
  readonly frames: readonly Uint8Array[];
  readonly deno: Verdict;
  readonly tcp: Verdict;
  /** The code that the partner hears, if it hears any. */
  readonly partner?: number | Record<TransportName, number>;
  /** What the default transport lets pass. */
  readonly hole?: string;
}

const MIB = 1024 * 1024;
/** Bytes of one message on these relays, so that few are needed to pass it. */
const MAX_MESSAGE_BYTES = MIB;
const [CONTINUATION, TEXT, BINARY, CLOSING, PING, PONG] = [0, 1, 2, 8, 9, 10];

/** What the API says of a socket that ended without a close frame. */
const ABNORMAL = 0;

const HOSTILE: readonly Hostile[] = [
  broken("invalid UTF-8 in a text", [frameOf(TEXT, bytes(0xff))], 1007),
  broken("invalid UTF-8 in a close reason", [frameOf(CLOSING, bytes(0x03, 0xe8, 0xff))], 1007),
  broken("reserved bit 1", [frameOf(TEXT, bytes(), { first: 0xc1 })]),
  broken("reserved bit 2", [frameOf(TEXT, bytes(), { first: 0xa1 })]),
  broken("reserved bit 3", [frameOf(TEXT, bytes(), { first: 0x91 })]),
  broken("unknown opcode 3", [frameOf(3, bytes())]),
  broken("unknown opcode 11", [frameOf(11, bytes())]),
  broken("a ping of 126 bytes", [frameOf(PING, new Uint8Array(126))]),
  broken("a fragmented ping", [frameOf(PING, bytes(), { first: PING })]),
  broken("a continuation without a start", [frameOf(CONTINUATION, bytes(1))]),
  broken("a close body of 1 byte", [frameOf(CLOSING, bytes(1))]),
  broken("a text inside a fragmented message", [
    frameOf(TEXT, bytes(0x61), { first: TEXT }),
    frameOf(TEXT, bytes(0x62)),
  ]),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code): Hostile => ({
    ...broken(`close code ${code}`, [closeFrame(code)]),
    deno: 1002,
  })),
  broken("a declared length of 2^63", [header(2n ** 63n)]),
  tooLong("a declared length of 64 MiB and 1", 2n ** 26n + 1n),
  {
    what: "a message over the bound",
    frames: [frameOf(BINARY, new Uint8Array(MAX_MESSAGE_BYTES + 1))],
    deno: CLOSE.tooBig.code,
    tcp: CLOSE.tooBig.code,
  },
  {
    what: "a declared length within the bound, and then silence",
    frames: [header(BigInt(MAX_MESSAGE_BYTES))],
    // On tcp the partner has had the header already: no close can follow in the middle of its frame.
    deno: "waits",
    tcp: "waits",
    partner: { deno: CLOSE.peerLost.code, tcp: ABNORMAL },
  },
  {
    what: "a message over the bound in fragments that never end",
    frames: [frameOf(BINARY, new Uint8Array(1), { first: BINARY }), ...Array(3).fill(fragment(MIB))],
    deno: "waits",
    tcp: CLOSE.tooBig.code,
    hole: "the runtime bounds no fragmented message before its end: the watchdog bounds the memory",
  },
  {
    what: "a million fragments of one byte",
    frames: [frameOf(BINARY, bytes(1), { first: BINARY }), ...Array(100).fill(repeated(fragment(1), 10_000))],
    deno: "waits",
    tcp: "waits",
    hole: "the same, but cheap: a byte of memory each",
  },
  {
    what: "an unmasked frame",
    frames: [frameOf(PONG, bytes(), { masked: false })],
    deno: "lives on",
    tcp: 1002,
    partner: CLOSE.peerLost.code,
    hole: "accepted: it harms proxies between the peer and us, not the relay",
  },
  {
    what: "a pong of 1 MiB",
    frames: [frameOf(PONG, new Uint8Array(MIB))],
    deno: "lives on",
    tcp: 1002,
    partner: CLOSE.peerLost.code,
    hole: "accepted and dropped",
  },
  {
    what: "a length that is not minimal",
    frames: [bytes(0x8a, 0xfe, 0, 1, 0, 0, 0, 0, 0x61)],
    deno: "lives on",
    tcp: 1002,
    partner: CLOSE.peerLost.code,
    hole: "accepted",
  },
  {
    what: "data after a close frame",
    frames: [closeFrame(4_200), frameOf(TEXT, bytes(0x61)), frameOf(TEXT, bytes(0xff))],
    deno: 4_200,
    tcp: 4_200,
    partner: 4_200,
  },
];

for (const variant of VARIANTS) {
  const { name, transport } = variant;
  for (const { what, frames, partner, hole, ...verdicts } of HOSTILE) {
    const verdict = verdicts[transport];
    const note = transport === "deno" && hole !== undefined ? ` (hole: ${hole})` : "";
    Deno.test(`${name}: ${what}: ${verdict}${note}`, async () => {
      await using scene = await Scene.start(variant);
      await scene.attack(frames);
      const told = typeof partner === "object" ? partner[transport] : partner;
      await scene.assertVerdict(verdict, told ?? (verdict === CLOSE.tooBig.code ? undefined : CLOSE.peerLost.code));
      await scene.assertOthersTalk();
    });
  }

  Deno.test(`${name}: a storm of 200,000 pings whose pongs nobody reads costs nothing but its own socket`, async () => {
    await using scene = await Scene.start(variant);
    const storm = repeated(frameOf(PING, bytes(1, 2, 3, 4)), 10_000);
    const sending = (async () => {
      for (let i = 0; i < 20; i++) await scene.attacker.write(storm);
    })();
    for (let i = 0; i < 20; i++) await scene.assertOthersTalk();
    // `tcp` ends a peer that lets its pongs pile up; the runtime stops reading it.
    if (transport === "tcp") assertEquals(await scene.partner.closed, CLOSE.peerLost);
    scene.attacker[Symbol.dispose]();
    await sending.catch(() => {});
    assertEquals(await scene.partner.closed, CLOSE.peerLost);
  });

  Deno.test(`${name}: FIN without a close frame is 4410 to the partner`, async () => {
    await using scene = await Scene.start(variant);
    await scene.attacker.connection.closeWrite();
    assertEquals(await scene.partner.closed, CLOSE.peerLost);
    await scene.assertOthersTalk();
  });

  Deno.test(`${name}: a handshake that comes byte by byte is a handshake`, async () => {
    await using scene = await Scene.start(variant);
    using raw = await RawConnection.open(scene);
    for (const letter of handshake("/introduction/slow")) await raw.write(letter);
    assertMatch(await raw.readHead(), /^HTTP\/1.1 101 /);
    await scene.assertOthersTalk();
  });

  for (const [what, request] of garbageRequests()) {
    Deno.test(`${name}: ${what} is refused or dropped, and takes no place`, async () => {
      await using scene = await Scene.start(variant);
      using raw = await RawConnection.open(scene);
      await raw.write(request).catch(() => {}); // hung up before the end
      await raw.connection.closeWrite().catch(() => {});
      const head = await raw.readHead().catch(() => "HTTP/1.1 hang-up");
      assertMatch(head, /^HTTP\/1.[01] (400|405|413|414|426|431|hang-up)/);
      await scene.assertOthersTalk();
      assertEquals(scene.server.status.connections, Scene.SOCKETS);
    });
  }
}

Deno.test("an upgrade that is never finished: tcp hangs up; deno waits for ever (hole: no time-out, the watchdog counts)", async () => {
  const [onDeno, onTcp] = await Promise.all([DENO, TCP].map((variant) => Scene.start(variant)));
  await using _scenes = disposedTogether(onDeno, onTcp);
  using waiting = await RawConnection.open(onDeno);
  using dropped = await RawConnection.open(onTcp);
  for (const raw of [waiting, dropped]) await raw.write(handshake("/introduction/never").slice(0, 60));
  await within(dropped.hungUp(), "the time-out of a request", LIMITS.requestMs / 1000 * 3);
  // The hole: after the same time this one can still be finished.
  await waiting.write(handshake("/introduction/never").slice(60));
  assertMatch(await waiting.readHead(), /^HTTP\/1.1 101 /);
  assertEquals(onTcp.server.status.connections, Scene.SOCKETS);
});

Deno.test("deno: a handshake that is reset gives its place back after 10 s (hole: its descriptor leaks)", async () => {
  await using scene = await Scene.start(DENO);
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    // Data that is not read makes the kernel reset the connection.
    using raw = await RawConnection.open(scene);
    await raw.write(handshake(`/introduction/${i}`));
  }));
  await within(returned(scene.server), "the places to be given back", LIMITS.openMs / 1000 * 2);
  await scene.assertOthersTalk();
});

/** An attacker with its partner, and two bystanders. When it ends, nothing may be left of anybody. */
class Scene implements AsyncDisposable {
  static readonly SOCKETS = 4;
  #words = 0;

  private constructor(
    readonly server: Server,
    readonly isTls: boolean,
    readonly attacker: RawConnection,
    readonly partner: Peer,
    readonly bystanders: readonly [Peer, Peer],
  ) {}

  get port(): number {
    return this.server.port;
  }

  static async start({ config: how, isTls }: Variant): Promise<Scene> {
    const config = { port: 0, host: "127.0.0.1", ...how, maxMessageBytes: MAX_MESSAGE_BYTES };
    const server = await new Server(config).listen();
    const open = (path: string) =>
      Peer.open(`${isTls ? "wss" : "ws"}://127.0.0.1:${server.port}/connection/${path}/doc`);
    const attacker = await RawConnection.upgrade({ port: server.port, isTls }, "/connection/mallory/bob/doc");
    const partner = await open("bob/mallory");
    await attacker.sendText("hello");
    assertEquals(await partner.next(), "hello");
    return new Scene(server, isTls, attacker, partner, [await open("carol/dave"), await open("dave/carol")]);
  }

  /** Sends all of it, or as much as the relay takes. */
  async attack(frames: readonly Uint8Array[]): Promise<void> {
    try {
      for (const frame of frames) await this.attacker.write(frame);
    } catch {
      // The relay has hung up already, as the verdict will tell.
    }
  }

  async assertVerdict(verdict: Verdict, partnerCode: number | undefined): Promise<void> {
    if (verdict === "lives on") {
      await this.attacker.sendText("still here");
      assertEquals(await this.partner.next(), "still here");
      return;
    }
    if (verdict === "waits") await this.#assertPartnerWaits();
    else assertEquals((await this.attacker.readClose())?.code ?? "hang-up", verdict);
    this.attacker[Symbol.dispose]();
    const { code } = await this.partner.closed;
    if (partnerCode !== undefined) assertEquals(code, partnerCode, "what the partner heard");
  }

  async #assertPartnerWaits(): Promise<void> {
    const toldFirst = this.partner.closed.then(() => "the partner");
    assertEquals(await Promise.race([toldFirst, this.assertOthersTalk().then(() => "nobody")]), "nobody");
  }

  async assertOthersTalk(): Promise<void> {
    const [carol, dave] = this.bystanders;
    const words = `${++this.#words}`;
    carol.send(words);
    assertEquals(await dave.next(), words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.attacker[Symbol.dispose]();
    await this.server.close();
    const { connections, peers, documents, seekers, pairs, bufferedBytes } = this.server.status;
    const left = { connections, peers, documents, seekers, pairs, bufferedBytes };
    assertEquals(left, { connections: 0, peers: 0, documents: 0, seekers: 0, pairs: 0, bufferedBytes: 0 });
    await Promise.all([this.partner, ...this.bystanders].map(({ closed }) => closed));
  }
}

/** A violation that `tcp` answers with a code, and the runtime with a hang-up. */
function broken(what: string, frames: Uint8Array[], tcp = 1002): Hostile {
  return { what, frames, deno: "hang-up", tcp };
}

function tooLong(what: string, length: bigint): Hostile {
  return { what, frames: [header(length)], deno: "hang-up", tcp: CLOSE.tooBig.code };
}

function garbageRequests(): [what: string, request: string][] {
  const plain = handshake("/introduction/x");
  return [
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00".repeat(512)],
    ["a request of zero bytes", "\x00".repeat(10_000)],
    ["an endless header line", `GET / HTTP/1.1\r\nx: ${"y".repeat(MIB)}`],
    ["a path of 400 KB", handshake(`/introduction/${"x".repeat(400_000)}`)],
    ["an upgrade with a method that is none", plain.replace("GET", "G\x01T")],
    ["an upgrade by POST", plain.replace("GET", "POST")],
    ["an upgrade in version 8", handshake("/introduction/x", { "sec-websocket-version": "8" })],
    ["an upgrade without a key", plain.replace(/sec-websocket-key.*\r\n/, "")],
    ["an upgrade to h2c", handshake("/introduction/x", { upgrade: "h2c" })],
    ["an upgrade with a bad escape", handshake("/introduction/%zz")],
    ["an upgrade with 10,000 headers", plain.replace("host", `${"x: y\r\n".repeat(10_000)}host`)],
  ];
}

async function returned(server: Server): Promise<void> {
  while (server.status.connections > Scene.SOCKETS) await new Promise((resolve) => setTimeout(resolve, 50));
}

function disposedTogether(...scenes: Scene[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(scenes.map((scene) => scene[Symbol.asyncDispose]()));
    },
  };
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** A part of a message that does not end it. */
function fragment(length: number): Uint8Array {
  return frameOf(CONTINUATION, new Uint8Array(length), { first: CONTINUATION });
}

/** The header of a masked binary frame of so many bytes. */
function header(length: bigint): Uint8Array {
  const frame = new Uint8Array(14);
  frame.set([0x82, 0xff]);
  new DataView(frame.buffer).setBigUint64(2, length);
  return frame;
}

function repeated(frame: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(frame.length * times);
  for (let i = 0; i < times; i++) all.set(frame, i * frame.length);
  return all;
}
