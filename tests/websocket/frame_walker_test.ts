import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { CLOSE, type Close } from "../../src/protocol.ts";
import { ChunkContents, VIOLATION } from "../../src/server/websocket/frame_walker.ts";
import { encodeClose, encodePing, encodePong, OPCODE } from "../../src/server/websocket/encode.ts";
import { Utf8Check } from "../../src/server/websocket/utf8.ts";
import {
  carried,
  clientFrame,
  concat,
  cut,
  encodeMessage,
  type Heard,
  heardBy,
  heardThrough,
  hex,
} from "../helpers/frames.ts";
import { chopped, type ClientFrame, OWN_PING, walk, walkerOf } from "../helpers/frames.ts";

const { continuation, text, binary, close, ping, pong } = OPCODE;

// The wire, byte for byte. "Hello" is the example of RFC 6455, 5.7.

const CARRIED: [what: string, read: string, written: string][] = [
  ["text", "818537fa213d7f9f4d5158", "810548656c6c6f"],
  ["a ping", "898537fa213d7f9f4d5158", "890548656c6c6f"],
  ["a pong", "8a8537fa213d7f9f4d5158", "8a0548656c6c6f"],
  ["two fragments", "01830102030449676f" + "8082010203046d6d", "010348656c" + "80026c6f"],
  ["empty text", "818000000000", "8100"],
  ["empty binary", "8280deadbeef", "8200"],
  ["a zero key", "828300000000010203", "8203010203"],
  ["126 bytes", "82fe007e00000000" + "61".repeat(126), "827e007e" + "61".repeat(126)],
  ["65,536 bytes", "82ff000000000001000000000000" + "61".repeat(65536), "827f0000000000010000" + "61".repeat(65536)],
];

for (const [what, read, written] of CARRIED) {
  Deno.test(`carries ${what} as a server sends it`, () => {
    assertEquals(hex(concat(carried(walkerOf(), [Uint8Array.fromHex(read)]))), written);
  });
}

const ENCODED: [what: string, frame: Uint8Array, wire: string][] = [
  ["text", encodeMessage("Hello"), "810548656c6c6f"],
  ["text beyond ASCII", encodeMessage("🐟"), "8104f09f909f"],
  ["empty text", encodeMessage(""), "8100"],
  ["binary", encodeMessage(new Uint8Array([1, 2])), "82020102"],
  ["binary from an ArrayBuffer", encodeMessage(new Uint8Array([1, 2]).buffer), "82020102"],
  ["125 bytes", encodeMessage(new Uint8Array(125)), "827d" + "00".repeat(125)],
  ["126 bytes", encodeMessage(new Uint8Array(126)), "827e007e" + "00".repeat(126)],
  ["65,535 bytes", encodeMessage(new Uint8Array(65535)), "827effff" + "00".repeat(65535)],
  ["65,536 bytes", encodeMessage(new Uint8Array(65536)), "827f0000000000010000" + "00".repeat(65536)],
  ["a close", encodeClose({ code: 1000, reason: "bye" }), "880503e8627965"],
  ["a close without a code", encodeClose({ code: 1005, reason: "" }), "8800"],
  ["a ping", encodePing(new Uint8Array([7])), "890107"],
  ["a pong", encodePong(new Uint8Array([7])), "8a0107"],
];

for (const [what, frame, wire] of ENCODED) Deno.test(`encodes ${what}`, () => assertEquals(hex(frame), wire));

Deno.test("a control frame of more than 125 bytes cannot be encoded", () => {
  assertThrows(() => encodePing(new Uint8Array(126)), RangeError, "want at most 125 bytes, got 126");
  assertThrows(() => encodeClose({ code: 1000, reason: "x".repeat(124) }), RangeError, "got 126");
});

// Against the model: the relay between two of `ws` changes nothing that either can hear.

Deno.test("any frames, cut anywhere, are heard behind the relay as they are without it", () => {
  fc.assert(
    fc.property(conversations(), pieces(), (frames, sizes) => {
      const chunks = cut(sent(frames), sizes);
      const walker = walkerOf();
      assertEquals(heardThrough(walker, chunks), heardBy("server", chunks));
      assertEquals(walker.violation, undefined);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("one conversation is the same wherever it is cut", () => {
  const bytes = sent(SMALL_TALK);
  const expected = heardBy("server", [bytes]);
  assertEquals(expected.length, 9);
  for (let at = 0; at <= bytes.length; at++) assertEquals(heardThrough(walkerOf(), cut(bytes, [at])), expected);
  for (const size of [1, 2, 3, 4, 5, 7, 13, 64]) assertEquals(heardThrough(walkerOf(), chopped(bytes, size)), expected);
});

Deno.test("a long header is the same wherever it is cut", () => {
  for (const length of [126, 65_536]) {
    const bytes = clientFrame({ opcode: binary, payload: new Uint8Array(length).fill(7) });
    const expected = heardBy("server", [bytes]);
    for (let at = 0; at <= 20; at++) assertEquals(heardThrough(walkerOf(), cut(bytes, [at])), expected);
  }
});

Deno.test("what is hostile is refused for the reason that ws gives, behind all that came before", () => {
  fc.assert(
    fc.property(hostileBytes(), pieces(), (bytes, sizes) => {
      const walker = walkerOf({ maxMessageBytes: 1_000 });
      const ours = heardThrough(walker, cut(bytes, sizes));
      const theirs = heardBy("server", [bytes], 1_000);
      if (!STRICTER.includes(walker.violation!)) assertEquals(ours, theirs);
      else assertEquals(ours.slice(0, -1), theirs.slice(0, ours.length - 1));
    }),
    { numRuns: 20_000 },
  );
});

/** What `ws` accepts, has another code for, or sees only once the message has ended. */
const STRICTER: Close[] = [VIOLATION.paddedLength, VIOLATION.negativeLength, VIOLATION.text];

Deno.test("any bytes give output or a violation, never an exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), pieces(), fc.boolean(), (bytes, sizes, answersPings) => {
      const walker = walkerOf();
      walker.answersPings = answersPings;
      const output = carried(walker, cut(bytes, sizes));
      assert(concat(output).length <= bytes.length);
      // A header with its mask bit set is seldom met by chance.
      carried(walkerOf(), cut(bytes.map((byte, at) => at % 8 === 1 ? byte | 0x80 : byte), sizes));
    }),
    { numRuns: 20_000 },
  );
});

// Violations: each alone, at every cut, with what came before delivered.

const BROKEN: [violation: Close, what: string, ...frames: (ClientFrame | string)[]][] = [
  [VIOLATION.unmasked, "text without a mask", { opcode: text, payload: "x", masked: false }],
  [VIOLATION.unmasked, "a close without a mask", { opcode: close, masked: false }],
  ...[1, 2, 4, 7].map((reserved): typeof BROKEN[number] => [
    VIOLATION.reservedBits,
    `reserved bits ${reserved}`,
    { opcode: text, payload: "x", reserved },
  ]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): typeof BROKEN[number] => [
    VIOLATION.unknownOpcode,
    `opcode ${opcode}`,
    { opcode },
  ]),
  [VIOLATION.fragmentedControl, "half a ping", { opcode: ping, fin: false }],
  [VIOLATION.fragmentedControl, "half a close", { opcode: close, fin: false }],
  [VIOLATION.longControl, "a ping of 126 bytes", { opcode: ping, payload: "x".repeat(126) }],
  [VIOLATION.longControl, "a pong of 65,536 bytes", { opcode: pong, payload: "x".repeat(65536) }],
  [VIOLATION.longControl, "a close of 126 bytes", { opcode: close, payload: "x".repeat(126) }],
  [VIOLATION.strayContinuation, "a continuation of nothing", { opcode: continuation, payload: "x" }],
  [
    VIOLATION.interruptedMessage,
    "binary inside text",
    { opcode: text, payload: "x", fin: false },
    { opcode: binary, payload: "x" },
  ],
  [VIOLATION.paddedLength, "16 bits for 125", "82fe007d00000000"],
  [VIOLATION.paddedLength, "64 bits for 65,535", "82ff000000000000ffff00000000"],
  [VIOLATION.paddedLength, "64 bits for nothing", "82ff000000000000000000000000"],
  [VIOLATION.negativeLength, "a length of 2^63", "82ff800000000000000000000000"],
  [VIOLATION.negativeLength, "a length of 2^64 - 1", "82ffffffffffffffffff00000000"],
  [VIOLATION.tooBig, "a length of 2^63 - 1", "82ff7fffffffffffffff00000000"],
  [VIOLATION.tooBig, "a byte too many", { opcode: binary, payload: new Uint8Array(10_001) }],
  [
    VIOLATION.tooBig,
    "a byte too many in fragments",
    { opcode: binary, payload: new Uint8Array(6_000), fin: false },
    { opcode: continuation, payload: new Uint8Array(4_001) },
  ],
  [VIOLATION.shortClose, "a close of 1 byte", { opcode: close, payload: "x" }],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2999, 5000, 65535].map((code): typeof BROKEN[number] => [
    VIOLATION.closeCode,
    `close code ${code}`,
    { opcode: close, payload: closeBody(code) },
  ]),
  [VIOLATION.closeReason, "half a character for a reason", { opcode: close, payload: closeBody(1000, "c3") }],
  [VIOLATION.text, "text that is not UTF-8", { opcode: text, payload: new Uint8Array([0x61, 0xff]) }],
  [VIOLATION.text, "text that ends within a character", { opcode: text, payload: new Uint8Array([0x61, 0xc3]) }],
];

for (const [violation, what, ...frames] of BROKEN) {
  Deno.test(`refuses ${what}: ${violation.code} ${violation.reason}`, () => {
    const greeting = clientFrame({ opcode: text, payload: "hello" });
    const broken = concat(
      frames.map((frame) => typeof frame === "string" ? Uint8Array.fromHex(frame) : clientFrame(frame)),
    );
    const bytes = concat([greeting, broken, greeting]);
    for (const sizes of [[], [greeting.length + 1], [greeting.length + broken.length - 1]]) {
      const walker = walkerOf({ maxMessageBytes: 10_000 });
      const heard = heardThrough(walker, cut(bytes, sizes));
      assertEquals(walker.violation, violation);
      assertEquals(heard, [["text", hex("hello")], ["failure", violation.code]] satisfies Heard[]);
    }
  });
}

Deno.test("every violation is tested", () => {
  assertEquals(new Set(BROKEN.map(([violation]) => violation)), new Set<Close>(Object.values(VIOLATION)));
});

Deno.test("a message over the bound is refused as soon as its length is read", () => {
  const walker = walkerOf({ maxMessageBytes: 10 });
  for (const _ of [1, 2]) walk(walker, clientFrame({ opcode: binary, payload: new Uint8Array(10) }));
  assertEquals(walker.violation, undefined);
  walk(walker, clientFrame({ opcode: binary, payload: new Uint8Array(200) }).subarray(0, 4));
  assertEquals(walker.violation, CLOSE.tooBig);
});

Deno.test("nothing is carried after a violation or a close, and the first word counts", () => {
  const hello = clientFrame({ opcode: text, payload: "hello" });
  const farewell = clientFrame({ opcode: close, payload: closeBody(4321, hex("bye")) });
  const walker = walkerOf();
  assertEquals(hex(walk(walker, concat([hello, farewell, hello, clientFrame({ opcode: 3 })]))), "8105" + hex("hello"));
  assertEquals(walk(walker, clientFrame({ opcode: close })).length, 0);
  assertEquals([walker.closed, walker.violation], [{ code: 4321, reason: "bye" }, undefined]);
});

Deno.test("a close crosses by its code and reason, to the byte", () => {
  for (const [payload, expected] of [["", 1005], [closeBody(1000), 1000], [closeBody(4999), 4999]] as const) {
    const walker = walkerOf();
    walk(walker, clientFrame({ opcode: close, payload }));
    assertEquals(walker.closed, { code: expected, reason: "" });
  }
  // A byte order mark is a part of the reason.
  const body = closeBody(3000, "efbbbf" + hex("grün"));
  const walker = walkerOf();
  walk(walker, clientFrame({ opcode: close, payload: body }));
  assertEquals(hex(encodeClose(walker.closed!)).slice(4), hex(body));
});

// Streaming.

Deno.test("a message streams through, and says where something may be inserted", () => {
  const walker = walkerOf();
  const start = clientFrame({ opcode: binary, payload: new Uint8Array(100_000), fin: false });
  const end = clientFrame({ opcode: continuation, payload: "x" });
  const standings = cut(concat([start, end]), [13, 1, 60_000, 40_000, 3]).map((chunk) => {
    const length = walk(walker, chunk).length;
    return [length, walker.atFrameBoundary, walker.tail];
  });
  assertEquals(standings, [
    [0, true, 0],
    [10, false, 10],
    [60_000, false, Infinity],
    [40_000, true, 0],
    [0, true, 0],
    [3, true, 0],
  ]);
});

Deno.test("bytes of a frame that has not ended are told from those before it", () => {
  const [whole, begun] = [clientFrame({ opcode: binary, payload: "whole" }), new Uint8Array(1_000)];
  const chunk = concat([whole, whole, clientFrame({ opcode: binary, payload: begun })]).slice(0, 200);
  const walker = walkerOf();
  const output = walk(walker, chunk);
  assertEquals([hex(output.subarray(0, output.length - walker.tail)), walker.tail > 4], [
    ("8205" + hex("whole")).repeat(2),
    true,
  ]);
});

Deno.test("a control frame waits for its last byte, and comes in one piece", () => {
  const walker = walkerOf();
  const bytes = clientFrame({ opcode: ping, payload: "x".repeat(125) });
  assertEquals(carried(walker, chopped(bytes, 1)).map(({ length }) => length).filter((length) => length > 0), [127]);
  assertEquals(walker.atFrameBoundary, true);
});

Deno.test("wrong text in a frame that has begun to cross leaves the output within that frame", () => {
  const payload = concat([new Uint8Array(50).fill(0x61), new Uint8Array([0xff])]);
  const begun = walkerOf();
  carried(begun, cut(clientFrame({ opcode: text, payload }), [20]));
  assertEquals([begun.violation, begun.atFrameBoundary], [VIOLATION.text, false]);
  const whole = walkerOf();
  assertEquals(walk(whole, clientFrame({ opcode: text, payload })).length, 0);
  assertEquals([whole.atFrameBoundary, whole.tail], [true, 0]);
});

Deno.test("wrong text in a later fragment is taken back to the end of the one before", () => {
  const walker = walkerOf();
  const fragments = concat([
    clientFrame({ opcode: text, payload: "ab", fin: false }),
    clientFrame({ opcode: continuation, payload: new Uint8Array([0xff]) }),
  ]);
  assertEquals(hex(walk(walker, fragments)), "01026162");
  assertEquals([walker.atFrameBoundary, walker.tail], [true, 0]);
});

// What the relay adds.

Deno.test("the answer to the relay's own ping is kept back, whatever stands around it", () => {
  fc.assert(
    fc.property(
      conversations(),
      conversations(),
      fc.uint8Array({ maxLength: 125 }),
      pieces(),
      (a, b, ownPing, sizes) => {
        const isOwn = ({ opcode, payload }: ClientFrame) => opcode === pong && hex(payload!) === hex(ownPing);
        const [before, after] = [a, b].map((frames) =>
          frames.filter((frame) => frame.opcode !== close && !isOwn(frame))
        );
        const walker = walkerOf({ ownPing });
        const chunks = cut(concat([sent(before), clientFrame({ opcode: pong, payload: ownPing }), sent(after)]), sizes);
        assertEquals(heardThrough(walker, chunks), heardBy("server", [sent([...before, ...after])]));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("only a pong with just the payload of the relay's ping is kept back", () => {
  for (const payload of ["", "relay", "relay!!", "relay?"]) {
    const walker = walkerOf();
    assertEquals(heardThrough(walker, [clientFrame({ opcode: pong, payload })]), [["pong", hex(payload)]]);
  }
  assertEquals(heardThrough(walkerOf(), [clientFrame({ opcode: ping, payload: OWN_PING })]), [["ping", hex(OWN_PING)]]);
});

Deno.test("while there is no partner pings are answered, the latest of a chunk alone, and messages cross", () => {
  const walker = walkerOf();
  walker.answersPings = true;
  const chunk = concat([
    clientFrame({ opcode: ping, payload: "one" }),
    clientFrame({ opcode: text, payload: "held" }),
    clientFrame({ opcode: pong, payload: "nobody asked" }),
    clientFrame({ opcode: ping, payload: "two" }),
    clientFrame({ opcode: text, payload: "too" }),
  ]);
  assertEquals(heardThrough(walker, [chunk]), [["text", hex("held")], ["text", hex("too")]]);
  assertEquals(hex(walker.pong!), "8a03" + hex("two"));
  walk(walker, clientFrame({ opcode: text }));
  assertEquals(walker.pong, undefined);
  walker.answersPings = false;
  assertEquals(heardThrough(walker, [clientFrame({ opcode: ping, payload: "three" })]), [["ping", hex("three")]]);
  assertEquals(walker.pong, undefined);
});

Deno.test("what was kept for a partner and what follows are one stream, also from within a message", () => {
  const walker = walkerOf();
  walker.answersPings = true;
  const bytes = concat([
    clientFrame({ opcode: text, payload: "held" }),
    clientFrame({ opcode: ping, payload: "answered" }),
    clientFrame({ opcode: binary, payload: new Uint8Array(300) }),
  ]);
  const held = carried(walker, [bytes.subarray(0, 100)]);
  walker.answersPings = false;
  const live = carried(walker, [bytes.subarray(100)]);
  assertEquals(heardBy("client", [...held, ...live]), [["text", hex("held")], ["binary", "00".repeat(300)]]);
});

// Counts.

Deno.test("tells what each chunk brought: messages, empty frames, and frames and bytes by type", () => {
  const walker = walkerOf();
  const sum = new ChunkContents();
  for (const chunk of chopped(sent(SMALL_TALK), 10)) {
    walk(walker, chunk);
    for (const name of Object.keys(sum) as (keyof ChunkContents)[]) sum[name] += walker.contents[name];
  }
  const { textBytes, binaryBytes, ...counted } = sum;
  assertEquals(counted, { messages: 5, emptyFrames: 2, text: 3, binary: 2 });
  assertEquals(textBytes + binaryBytes, 1_020);
});

// Text in pieces.

Deno.test("text in any pieces is right or wrong as it is in one", () => {
  fc.assert(
    fc.property(almostText(), pieces(), (bytes, sizes) => {
      const check = new Utf8Check();
      const accepted = cut(bytes, sizes).every((piece) => check.accepts(piece, 0, piece.length));
      assertEquals(accepted && check.isWhole, isUtf8(bytes));
    }),
    { numRuns: 20_000 },
  );
});

// Generators and examples.

/** One of each, with empty messages, a character cut by a fragment, and control frames between fragments. */
const SMALL_TALK: ClientFrame[] = [
  { opcode: text, payload: "hello" },
  { opcode: ping, payload: "are you there?" },
  { opcode: text, payload: new Uint8Array([0x67, 0x72, 0xc3]), fin: false },
  { opcode: pong, payload: "yes" },
  { opcode: continuation, payload: new Uint8Array([0xbc, 0x6e]) },
  { opcode: binary, payload: new Uint8Array(1_000).fill(7), fin: false },
  { opcode: ping },
  { opcode: continuation, payload: "0123456789" },
  { opcode: text },
  { opcode: binary },
  { opcode: close, payload: closeBody(1001, hex("going")) },
].map((frame, at) => ({ ...frame, key: Uint8Array.of(at, 255 - at, 17 * at, 3) }));

function sent(frames: readonly ClientFrame[]): Uint8Array<ArrayBuffer> {
  return concat(frames.map(clientFrame));
}

function closeBody(code: number, reason = ""): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(code >> 8, code & 0xff, ...Uint8Array.fromHex(reason));
}

/** What a client may send: messages in fragments with control frames between them, and perhaps a close. */
function conversations(): fc.Arbitrary<ClientFrame[]> {
  const farewell = fc.record({
    code: fc.constantFrom(1000, 1001, 1014, 3000, 4999),
    reason: fc.string({ maxLength: 20 }),
  });
  const closing = farewell.map(({ code, reason }) => [{ opcode: close, payload: closeBody(code, hex(reason)) }]);
  const open = fc.array(fc.oneof(messages(), controls().map((frame) => [frame])), { maxLength: 6 });
  return fc.tuple(open, fc.oneof(fc.constant<ClientFrame[]>([]), closing)).map((
    [frames, end],
  ) => [...frames.flat(), ...end]);
}

function messages(): fc.Arbitrary<ClientFrame[]> {
  const parts = { cuts: fc.array(fc.nat(70_000), { maxLength: 3 }), between: fc.array(controls(), { maxLength: 3 }) };
  const whole = fc.oneof(
    payloads().map((payload) => ({ opcode: binary, payload })),
    texts().map((payload) => ({ opcode: text, payload })),
  );
  return fc.tuple(whole, fc.record(parts), keys()).map(([{ opcode, payload }, { cuts, between }, key]) => {
    const ends = [...cuts.map((at) => at % (payload.length + 1)).sort((a, b) => a - b), payload.length];
    return ends.flatMap((end, at) => {
      const fragment = payload.subarray(at === 0 ? 0 : ends[at - 1], end);
      const fin = at === ends.length - 1;
      return [
        { opcode: at === 0 ? opcode : continuation, payload: fragment, fin, key },
        ...(fin ? [] : between.slice(at, at + 1)),
      ];
    });
  });
}

function controls(): fc.Arbitrary<ClientFrame> {
  return fc.record({
    opcode: fc.constantFrom<number>(ping, pong),
    payload: fc.uint8Array({ maxLength: 125 }),
    key: keys(),
  });
}

function payloads(): fc.Arbitrary<Uint8Array> {
  const edges = fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536);
  return fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    edges.map((length) => new Uint8Array(length).map((_, at) => at * 7)),
  );
}

function texts(): fc.Arbitrary<Uint8Array> {
  // Characters of 2, 3 and 4 bytes.
  const fish = (bytes: number) => "ü€🐟".repeat(bytes / 9) + "x".repeat(bytes % 9);
  const edges = fc.constantFrom(125, 126, 65_535, 65_536).map(fish);
  return fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), edges).map((string) =>
    new TextEncoder().encode(string)
  );
}

function keys(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 4, maxLength: 4 });
}

/** Sizes of chunks: many are small, so that headers are cut. */
function pieces(): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 200 }), fc.nat(70_000)), {
    maxLength: 30,
  });
}

/** A conversation in which a few bytes near the start of frames are changed. */
function hostileBytes(): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(200), value: fc.nat(255) });
  const frames = fc.array(fc.oneof(messages(), controls().map((frame) => [frame]), anyFrame()), {
    minLength: 1,
    maxLength: 4,
  });
  return fc.tuple(frames, fc.array(change, { maxLength: 2 })).map(([frames, changes]) => {
    const bytes = sent(frames.flat());
    for (const { at, value } of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
}

/** A frame that may be wrong in every way. */
function anyFrame(): fc.Arbitrary<ClientFrame[]> {
  const closing = fc.tuple(fc.nat(5_100), fc.uint8Array({ maxLength: 4 })).map(([code, reason]) =>
    closeBody(code, hex(reason))
  );
  return fc.record({
    opcode: fc.nat(15),
    payload: fc.oneof(fc.uint8Array({ maxLength: 130 }), closing),
    fin: fc.boolean(),
    reserved: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(7)),
    masked: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
  }).map((frame) => [frame]);
}

/** Text of which a byte may be wrong, or which may end early. */
function almostText(): fc.Arbitrary<Uint8Array> {
  const long = fc.string({ unit: "binary", minLength: 150, maxLength: 400 }).map((string) =>
    new TextEncoder().encode(string)
  );
  // A long spelling of each length, a surrogate, and the first that is beyond Unicode.
  const forbidden = fc.constantFrom("c1bf", "e09fbf", "f08fbfbf", "eda080", "f4908080").map(Uint8Array.fromHex);
  const spoilt = fc.tuple(long, forbidden, long).map(concat);
  const whole = fc.oneof(texts().filter(({ length }) => length < 1_000), long, forbidden, spoilt);
  const change = fc.option(fc.record({ at: fc.nat(500), value: fc.nat(255) }));
  return fc.tuple(whole, change, fc.nat(3)).map(([bytes, change, missing]) => {
    const changed = bytes.slice(0, Math.max(0, bytes.length - missing));
    if (change !== null && change.at < changed.length) changed[change.at] = change.value;
    return changed;
  });
}
