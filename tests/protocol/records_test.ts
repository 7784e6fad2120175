import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { creditCost, KIND, RecordReader, RecordWriter, Violation, WIRE_LIMITS } from "../../src/protocol.ts";
import { BROKEN, bytes, RECORDS } from "./golden.ts";

/** All that a record says. */
type Said =
  | { kind: "open"; stream: number; userName: string; documentId: string }
  | { kind: "opened"; stream: number }
  | { kind: "data"; stream: number; payload: number[]; text: boolean; more: boolean }
  | { kind: "window"; stream: number; bytes: number }
  | { kind: "close"; stream: number; code: number; reason: string };

Deno.test("records: their bytes are frozen", () => {
  for (const { name, hex, write } of RECORDS) {
    const frame = new RecordWriter();
    write(frame);
    assertEquals(frame.take(), bytes(hex), name);
  }
});

Deno.test("records: golden bytes say what wrote them, alone and all in one frame", () => {
  const all = new RecordWriter();
  for (const { name, hex, write } of RECORDS) {
    const again = new RecordWriter();
    const [said] = read(bytes(hex));
    say(again, said);
    assertEquals(again.take(), bytes(hex), name);
    write(all);
  }
  assertEquals(read(all.take()), RECORDS.flatMap(({ hex }) => read(bytes(hex))));
});

Deno.test("records: what breaks the protocol is a violation that says how, in a reason fit for a close", () => {
  for (const [hex, reason] of BROKEN) {
    const { message } = assertThrows(() => read(bytes(hex)), Violation, reason, hex);
    assertEquals(message, reason);
    assert(message.length <= WIRE_LIMITS.closeReasonBytes);
  }
});

Deno.test("records: a reason longer than a close can carry, and a frame of more than 64 KiB, are violations", () => {
  const frame = new RecordWriter();
  frame.close(1, { code: 1000, reason: "x".repeat(124) });
  assertThrows(() => read(frame.take()), Violation, "close reason is too long");
  assertThrows(() => read(new Uint8Array(64 * 1024 + 1)), Violation, "frame is too long");
});

Deno.test("records: any records come back from the wire as they were written, in order", () => {
  fc.assert(fc.property(fc.array(saids(), { maxLength: 20 }), (records) => {
    const frame = new RecordWriter();
    for (const record of records) say(frame, record);
    assertEquals(read(frame.take()), records);
  }));
});

Deno.test("records: a frame that is cut anywhere gives the records before the cut, then a violation", () => {
  fc.assert(fc.property(saids(), saids(), fc.nat(), (first, second, at) => {
    const frame = new RecordWriter();
    say(frame, first);
    const whole = frame.byteLength;
    say(frame, second);
    const cut = whole + 1 + at % (frame.byteLength - whole - 1);
    const got: Said[] = [];
    assertThrows(() => read(frame.take().slice(0, cut), got), Violation);
    assertEquals(got, [first]);
  }));
});

Deno.test("records: no bytes at all raise anything but a violation", () => {
  const noise = fc.uint8Array({ maxLength: 80 });
  // Small bytes are streams, kinds and lengths more often than large ones are.
  const plausible = fc.array(fc.oneof(fc.nat(6), fc.constantFrom(0x13, 0x23, 0x33, 0x80, 0xff), fc.nat(255)), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(fc.oneof(noise, plausible), (frame) => {
      try {
        read(Uint8Array.from(frame));
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
      }
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("records: the writer says what fits, and the fullest frame is read", () => {
  fc.assert(fc.property(fc.array(fc.nat(WIRE_LIMITS.recordBytes), { maxLength: 10 }), (lengths) => {
    const frame = new RecordWriter();
    for (const length of lengths) {
      if (frame.fits(length)) frame.data(2 ** 32 - 1, new Uint8Array(length), { text: false, more: true });
    }
    const taken = frame.take();
    assert(taken.byteLength <= WIRE_LIMITS.recordFrameBytes);
    assert(taken.byteLength > 0 || lengths.length === 0);
    read(taken);
  }));
});

Deno.test("records: a taken frame is not written to again, and an empty message is not free", () => {
  const frame = new RecordWriter();
  frame.opened(1);
  const first = frame.take();
  frame.opened(2);
  assertEquals([first, frame.take(), frame.byteLength], [bytes("010200"), bytes("020200"), 0]);
  assertEquals([creditCost(0), creditCost(100)], [64, 164]);
});

function read(frame: Uint8Array<ArrayBuffer>, into: Said[] = []): Said[] {
  const record = new RecordReader(frame);
  while (record.next()) into.push(readOne(record));
  return into;
}

function readOne(record: RecordReader): Said {
  const { stream } = record;
  switch (record.kind) {
    case KIND.open:
      return { kind: "open", stream, ...record.opening };
    case KIND.opened:
      return { kind: "opened", stream };
    case KIND.data:
      return { kind: "data", stream, payload: [...record.payload], text: record.isText, more: record.hasMore };
    case KIND.window:
      return { kind: "window", stream, bytes: record.windowBytes };
    default:
      return { kind: "close", stream, ...record.close };
  }
}

function say(frame: RecordWriter, said: Said): void {
  switch (said.kind) {
    case "open":
      return frame.open(said.stream, said);
    case "opened":
      return frame.opened(said.stream);
    case "data":
      return frame.data(said.stream, Uint8Array.from(said.payload), said);
    case "window":
      return frame.window(said.stream, said.bytes);
    case "close":
      return frame.close(said.stream, said);
  }
}

function saids(): fc.Arbitrary<Said> {
  const stream = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }));
  const id = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
  const reason = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => encodedLength(text) <= 123);
  return fc.oneof(
    fc.record({ kind: fc.constant("open" as const), stream, userName: id, documentId: id }),
    fc.record({ kind: fc.constant("opened" as const), stream }),
    fc.record({
      kind: fc.constant("data" as const),
      stream,
      payload: fc.array(fc.nat(255), { maxLength: 300 }),
      text: fc.boolean(),
      more: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("window" as const), stream, bytes: fc.integer({ min: 1, max: 2 ** 31 - 1 }) }),
    fc.record({ kind: fc.constant("close" as const), stream, code: fc.nat(65_535), reason }),
  );
}

function encodedLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
