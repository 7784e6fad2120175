/**
 * The cases of the Autobahn test suite that concern an intermediary's framing, by their numbers. An echo server is
 * what they are written for; a relay answers nothing, so that what they send is heard behind it instead: of the codec, and
 * then of a relay that uses it.
 */

import { assertEquals } from "@std/assert";
import { CLOSE, connectionPath } from "../../src/protocol.ts";
import { Server } from "../../src/server/mod.ts";
import { sendable } from "../../src/server/transport/transport.ts";
import { OPCODE } from "../../src/server/websocket/encode.ts";
import {
  chopped,
  type ClientFrame,
  clientFrame,
  concat,
  cut,
  type Heard,
  heardBy,
  heardThrough,
  hex,
  walk,
  walkerOf,
} from "../helpers/frames.ts";
import { within } from "../helpers/process.ts";
import { RawConnection } from "../helpers/raw.ts";
import { TCP_VARIANTS } from "../helpers/transports.ts";

const { continuation, text, binary, close, ping, pong } = OPCODE;

/** A case: what the client sends, what is heard behind the relay, and in what pieces besides those of all cases. */
interface Case {
  readonly number: string;
  readonly what: string;
  readonly frames: readonly ClientFrame[];
  readonly heard: readonly Heard[];
  readonly chop?: number;
}

const CASES: Case[] = [];

function add(number: string, what: string, frames: ClientFrame[], heard: Heard[], chop?: number): void {
  CASES.push({ number, what, frames, heard, chop });
}

const KIB = 1024;
const MIB = 1024 * KIB;
const PROTOCOL_ERROR: Heard = ["failure", 1002];
const INVALID_TEXT: Heard = ["failure", 1007];

const HELLO: ClientFrame = { opcode: text, payload: "Hello, world!" };
const HEARD_HELLO: Heard = ["text", hex("Hello, world!")];
const stars = (length: number) => "*".repeat(length);
const noise = (length: number) => new Uint8Array(length).fill(0xfe);

// 1: Framing

for (const [at, length] of [0, 125, 126, 127, 128, 65535, 65536, 65536].entries()) {
  const chop = at === 7 ? 997 : undefined;
  add(`1.1.${at + 1}`, `text of ${length}`, [{ opcode: text, payload: stars(length) }], [
    ["text", hex(stars(length))],
  ], chop);
  add(`1.2.${at + 1}`, `binary of ${length}`, [{ opcode: binary, payload: noise(length) }], [
    ["binary", hex(noise(length))],
  ], chop);
}

// 2: Pings and pongs

const PINGS = Array.from({ length: 10 }, (_, at) => ({ opcode: ping, payload: `payload-${at}` }));
const HEARD_PINGS = PINGS.map(({ payload }): Heard => ["ping", hex(payload)]);
const BINARY_PING = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff);

add("2.1", "ping without payload", [{ opcode: ping }], [["ping", ""]]);
add("2.2", "ping with text", [{ opcode: ping, payload: "Hello" }], [["ping", hex("Hello")]]);
add("2.3", "ping with what is not text", [{ opcode: ping, payload: BINARY_PING }], [["ping", hex(BINARY_PING)]]);
add("2.4", "ping of 125", [{ opcode: ping, payload: noise(125) }], [["ping", hex(noise(125))]]);
add("2.5", "ping of 126", [{ opcode: ping, payload: noise(126) }], [PROTOCOL_ERROR]);
add("2.6", "ping of 125, octet-wise", [{ opcode: ping, payload: noise(125) }], [["ping", hex(noise(125))]], 1);
add("2.7", "unsolicited pong without payload", [{ opcode: pong }], [["pong", ""]]);
add("2.8", "unsolicited pong", [{ opcode: pong, payload: "unsolicited" }], [["pong", hex("unsolicited")]]);
add("2.9", "unsolicited pong, then a ping", [{ opcode: pong, payload: "unsolicited" }, PINGS[0]], [
  ["pong", hex("unsolicited")],
  HEARD_PINGS[0],
]);
add("2.10", "10 pings", PINGS, HEARD_PINGS);
add("2.11", "10 pings, octet-wise", PINGS, HEARD_PINGS, 1);

// 3: Reserved bits

add("3.1", "text with 1", [{ ...HELLO, reserved: 1 }], [PROTOCOL_ERROR]);
for (const [at, reserved] of [2, 3, 4].entries()) {
  const frames = [HELLO, { ...HELLO, reserved }, { opcode: ping }];
  add(`3.${at + 2}`, `text, text with ${reserved}, ping`, frames, [HEARD_HELLO, PROTOCOL_ERROR]);
}
add("3.5", "binary with 5", [{ opcode: binary, payload: noise(8), reserved: 5 }], [PROTOCOL_ERROR]);
add("3.6", "ping with 6", [{ opcode: ping, payload: "Hello", reserved: 6 }], [PROTOCOL_ERROR]);
add("3.7", "close with 7", [{ opcode: close, reserved: 7 }], [PROTOCOL_ERROR]);

// 4: Opcodes

for (const [kind, first] of [[1, 3], [2, 11]]) {
  add(`4.${kind}.1`, `opcode ${first}`, [{ opcode: first }], [PROTOCOL_ERROR]);
  add(`4.${kind}.2`, `opcode ${first + 1} with payload`, [{ ...HELLO, opcode: first + 1 }], [PROTOCOL_ERROR]);
  for (const at of [3, 4, 5]) {
    const opcode = first + at - 1;
    const frames = [HELLO, { opcode, payload: at === 3 ? "" : "Hello" }, { opcode: ping }];
    add(`4.${kind}.${at}`, `text, opcode ${opcode}, ping`, frames, [HEARD_HELLO, PROTOCOL_ERROR]);
  }
}

// 5: Fragmentation

const START: ClientFrame = { opcode: text, payload: "fragment1", fin: false };
const MIDDLE: ClientFrame = { opcode: continuation, payload: "fragment2", fin: false };
const END: ClientFrame = { opcode: continuation, payload: "fragment2" };
const HEARD_BOTH: Heard = ["text", hex("fragment1fragment2")];

add("5.1", "ping in two fragments", [{ ...START, opcode: ping }, END], [PROTOCOL_ERROR]);
add("5.2", "pong in two fragments", [{ ...START, opcode: pong }, END], [PROTOCOL_ERROR]);
for (const number of [3, 4, 5]) add(`5.${number}`, "text in two fragments", [START, END], [HEARD_BOTH]);
for (const number of [6, 7, 8]) {
  add(`5.${number}`, "a ping between two fragments", [START, PINGS[0], END], [HEARD_PINGS[0], HEARD_BOTH]);
}
for (const number of [9, 10, 11]) add(`5.${number}`, "the end of nothing, then text", [END, HELLO], [PROTOCOL_ERROR]);
for (const number of [12, 13, 14]) {
  add(`5.${number}`, "the middle of nothing, then text", [MIDDLE, HELLO], [PROTOCOL_ERROR]);
}
add("5.15", "two fragments, the middle of nothing, text", [START, END, MIDDLE, HELLO], [HEARD_BOTH, PROTOCOL_ERROR]);
add("5.16", "the middle of nothing, two fragments, twice", [MIDDLE, START, END, MIDDLE, START, END], [PROTOCOL_ERROR]);
add("5.17", "the end of nothing, two fragments, twice", [END, START, END, END, START, END], [PROTOCOL_ERROR]);
add("5.18", "two fragments that both say text", [START, { ...END, opcode: text }], [PROTOCOL_ERROR]);
for (const number of [19, 20]) {
  const [first, second] = PINGS;
  add(`5.${number}`, "five fragments and two pings", [START, MIDDLE, first, MIDDLE, MIDDLE, second, END], [
    ...HEARD_PINGS.slice(0, 2),
    ["text", hex("fragment1" + "fragment2".repeat(4))],
  ]);
}

// 6: UTF-8. From 6.5 on every case is one that the property in frames_test.ts compares with the runtime's own check.

const GREEK = "κόσμε";
const MIXED = "Hello-µ@ßöäüàá-UTF-8!!";
const TOO_HIGH = Uint8Array.of(0xf4, 0x90, 0x80, 0x80);
const SURROGATE = concat([Uint8Array.fromHex(hex(GREEK)), Uint8Array.of(0xed, 0xa0, 0x80, 0x65)]);
const octets = (payload: string | Uint8Array) => fragments(Uint8Array.fromHex(hex(payload)), 1);

add("6.1.1", "empty text", [{ opcode: text }], [["text", ""]]);
add("6.1.2", "three empty fragments", [
  { opcode: text, fin: false },
  { opcode: continuation, fin: false },
  { opcode: continuation },
], [["text", ""]]);
add("6.1.3", "an empty fragment on either side", [
  { opcode: text, fin: false },
  MIDDLE,
  { opcode: continuation },
], [["text", hex("fragment2")]]);
add("6.2.1", "text beyond ASCII", [{ opcode: text, payload: MIXED }], [["text", hex(MIXED)]]);
add("6.2.2", "the same in two fragments", [
  { opcode: text, payload: "Hello-µ@ßöä", fin: false },
  { opcode: continuation, payload: "üàá-UTF-8!!" },
], [["text", hex(MIXED)]]);
add("6.2.3", "the same in fragments of 1", octets(MIXED), [["text", hex(MIXED)]]);
add("6.2.4", "Greek in fragments of 1", octets(GREEK), [["text", hex(GREEK)]]);
add("6.3.1", "a surrogate", [{ opcode: text, payload: SURROGATE }], [INVALID_TEXT]);
add("6.3.2", "the same in fragments of 1", octets(SURROGATE), [INVALID_TEXT]);
// What would complete these messages is never sent: the relay must not wait for it.
add("6.4.1", "a fragment that is not UTF-8", [
  { opcode: text, payload: GREEK, fin: false },
  { opcode: continuation, payload: TOO_HIGH, fin: false },
], [INVALID_TEXT]);
add("6.4.2", "a fragment that cannot become UTF-8", [
  { opcode: text, payload: concat([Uint8Array.fromHex(hex(GREEK)), TOO_HIGH.subarray(0, 1)]), fin: false },
  { opcode: continuation, payload: TOO_HIGH.subarray(1, 2), fin: false },
], [INVALID_TEXT]);

// 7: Close

const closeBody = (code: number, reason: Uint8Array | string = "") =>
  Uint8Array.of(code >> 8, code & 0xff, ...Uint8Array.fromHex(hex(reason)));
const closing = (code: number, reason?: Uint8Array | string) => ({ opcode: close, payload: closeBody(code, reason) });
const NORMAL = closing(1000);
const HEARD_NORMAL: Heard = ["close", 1000, ""];
const LARGE = stars(256 * KIB);

add("7.1.1", "text, close", [HELLO, NORMAL], [HEARD_HELLO, HEARD_NORMAL]);
add("7.1.2", "two closes", [NORMAL, NORMAL], [HEARD_NORMAL]);
add("7.1.3", "close, ping", [NORMAL, { opcode: ping }], [HEARD_NORMAL]);
add("7.1.4", "close, text", [NORMAL, HELLO], [HEARD_NORMAL]);
add("7.1.5", "a fragment, close, the other fragment", [START, NORMAL, END], [HEARD_NORMAL]);
add("7.1.6", "text of 256 KiB, close, ping", [{ opcode: text, payload: LARGE }, NORMAL, { opcode: ping }], [
  ["text", hex(LARGE)],
  HEARD_NORMAL,
]);
add("7.3.1", "a body of nothing", [{ opcode: close }], [["close", 1005, ""]]);
add("7.3.2", "a body of 1", [{ opcode: close, payload: "a" }], [PROTOCOL_ERROR]);
add("7.3.3", "a body of 2", [NORMAL], [HEARD_NORMAL]);
add("7.3.4", "a reason", [closing(1000, "Hello World!")], [["close", 1000, hex("Hello World!")]]);
add("7.3.5", "a reason of 123", [closing(1000, stars(123))], [["close", 1000, hex(stars(123))]]);
add("7.3.6", "a reason of 124", [closing(1000, stars(124))], [PROTOCOL_ERROR]);
add("7.5.1", "a reason that is not UTF-8", [closing(1000, SURROGATE)], [INVALID_TEXT]);
for (const [at, code] of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].entries()) {
  add(`7.7.${at + 1}`, `code ${code}`, [closing(code)], [["close", code, ""]]);
}
for (const [at, code] of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].entries()) {
  add(`7.9.${at + 1}`, `code ${code}`, [closing(code)], [PROTOCOL_ERROR]);
}
for (const [at, code] of [5000, 65535].entries()) {
  add(`7.13.${at + 1}`, `code ${code}`, [closing(code)], [PROTOCOL_ERROR]);
}

// 9: Limits; 10: Fragmentation by the sender

for (const [at, size] of [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].entries()) {
  addBoth(`9.%.${at + 1}`, [1, 2], size, `of ${size}`, (frame) => [frame]);
}
for (const [at, size] of [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].entries()) {
  addBoth(
    `9.%.${at + 1}`,
    [3, 4],
    4 * MIB,
    `of 4 MiB in fragments of ${size}`,
    ({ opcode, payload }) => fragments(payload, size, opcode),
  );
}
for (const [at, chop] of [64, 128, 256, 512, KIB, 2 * KIB].entries()) {
  addBoth(`9.%.${at + 1}`, [5, 6], MIB, `of 1 MiB in chops of ${chop}`, (frame) => [frame], chop);
}
for (const [at, size] of [0, 16, 64, 256, KIB, 4 * KIB].entries()) {
  const times = <T>(item: T) => Array<T>(1_000).fill(item);
  const many = `1,000 messages of ${size}`;
  add(`9.7.${at + 1}`, many, times({ opcode: text, payload: stars(size) }), times(["text", hex(stars(size))]));
  add(`9.8.${at + 1}`, many, times({ opcode: binary, payload: noise(size) }), times(["binary", hex(noise(size))]));
}
add("10.1.1", "text of 64 KiB in fragments of 1,300", fragments(new Uint8Array(65536).fill(0x2a), 1300, text), [
  ["text", hex(stars(65536))],
]);

/** The same for text and for binary, whose numbers differ in one place. */
function addBoth(
  number: string,
  [textNumber, binaryNumber]: [number, number],
  size: number,
  what: string,
  framed: (message: { opcode: number; payload: Uint8Array }) => ClientFrame[],
  chop?: number,
): void {
  const kinds = [
    { opcode: text, name: "text", byte: 0x2a, place: textNumber },
    { opcode: binary, name: "binary", byte: 0xfe, place: binaryNumber },
  ];
  for (const { opcode, name, byte, place } of kinds) {
    const payload = new Uint8Array(size).fill(byte);
    add(number.replace("%", `${place}`), `${name} ${what}`, framed({ opcode, payload }), [[name, hex(payload)]], chop);
  }
}

function fragments(payload: Uint8Array, size: number, opcode: number = text): ClientFrame[] {
  const pieces = chopped(payload, size);
  return pieces.map((piece, at) => ({
    opcode: at === 0 ? opcode : continuation,
    payload: piece,
    fin: at === pieces.length - 1,
  }));
}

// The same within one frame, whose end is never sent either.
for (const [number, first, second] of [["6.4.3", 0, 4], ["6.4.4", 1, 1]] as const) {
  Deno.test(`Autobahn ${number}: a chop that is not UTF-8`, () => {
    const greek = Uint8Array.fromHex(hex(GREEK));
    const frame = clientFrame({ opcode: text, payload: concat([greek, TOO_HIGH, greek]) });
    const walker = walkerOf();
    const violations = cut(frame, [6 + greek.length + first, second]).slice(0, 2).map((chop) => {
      walk(walker, chop);
      return walker.violation?.code;
    });
    assertEquals(violations, [undefined, 1007]);
  });
}

for (const { number, what, frames, heard, chop } of CASES) {
  Deno.test(`Autobahn ${number}: ${what}`, () => {
    const chunks = frames.map(clientFrame);
    const bytes = concat(chunks);
    const ways = { "at once": [bytes], "frame by frame": chunks, "in chops": chopped(bytes, chop ?? 64 * KIB) };
    // Octet by octet costs 1 µs each.
    const all = bytes.length < 5_000 ? { ...ways, "octet by octet": chopped(bytes, 1) } : ways;
    for (const [way, pieces] of Object.entries(all)) assertEquals(heardThrough(walkerOf(), pieces), heard, way);
  });
}

/** Larger ones are for the codec alone. */
const MOST_ON_THE_WIRE = 300 * KIB;
/** Pairs at once: each waits for a few milliseconds. */
const PAIRS = 20;
const LOST: Heard = ["close", CLOSE.peerLost.code, hex(CLOSE.peerLost.reason)];

for (const { name, config, isTls } of TCP_VARIANTS) {
  Deno.test(`${name}: all cases of Autobahn, from a socket to its partner`, async () => {
    const server = await new Server({ port: 0, host: "127.0.0.1", ...config }).listen();
    const target = { port: server.port, isTls };
    const cases = CASES.map((one) => ({ ...one, bytes: concat(one.frames.map(clientFrame)) }))
      .filter(({ bytes }) => bytes.length <= MOST_ON_THE_WIRE);
    for (let at = 0; at < cases.length; at += PAIRS) {
      await Promise.all(
        cases.slice(at, at + PAIRS).map(async ({ number, heard, bytes }) => {
          using client = await RawConnection.upgrade(target, connectionPath("fuzzer", "partner", number));
          using partner = await RawConnection.upgrade(target, connectionPath("partner", "fuzzer", number));
          const isOver = heard.some(([what]) => what === "failure" || what === "close");
          await client.write(isOver ? bytes : concat([bytes, clientFrame(NORMAL)]));
          const [told, chunks] = await within(
            Promise.all([client.readClose(), readAll(partner)]),
            `case ${number} to end`,
          );
          const failure = heard.find(([what]) => what === "failure")?.[1] as number | undefined;
          if (failure !== undefined) assertEquals(told?.code, failure, number);
          assertEquals(heardBy("client", chunks), expectedBehind(heard, isOver, chunks), number);
        }),
      );
    }
    await server.close();
  });
}

/** A close comes behind it, unless a frame was cut off by a failure within it. */
function expectedBehind(heard: readonly Heard[], isOver: boolean, chunks: readonly Uint8Array[]): Heard[] {
  if (!isOver) return [...heard, HEARD_NORMAL];
  const before = heard.slice(0, -1);
  const [what, code, reason] = heard.at(-1)!;
  // What an API cannot send does not cross.
  if (what === "close") return [...before, ["close", sendable({ code: code as number, reason: "" }).code, reason]];
  return heardBy("client", chunks).at(-1)?.[0] === "close" ? [...before, LOST] : before;
}

/** All that comes until the relay hangs up. The close is answered, as a client does. */
async function readAll(raw: RawConnection): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(64 * KIB);
    const count = await raw.connection.read(chunk).catch(() => null);
    if (count === null) return chunks;
    chunks.push(chunk.subarray(0, count));
    if (heardBy("client", chunks).at(-1)?.[0] === "close") await raw.write(clientFrame(NORMAL)).catch(() => {});
  }
}
