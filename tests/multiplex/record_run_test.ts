import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { creditCost, KIND, RecordReader, RecordWriter, varintLength } from "../../src/protocol.ts";
import { RecordRun } from "../../src/server/multiplex/record_run.ts";

const STREAMS = [1, 2, 127, 128, 20_000, 2 ** 32 - 1];
const NO_LIMITS = { credit: 2 ** 31, messageBytes: 2 ** 26 };

/** A record to be: data, or a window of so many bytes. */
type Said = { stream: number; payload: Uint8Array<ArrayBuffer>; text: boolean; more: boolean } | {
  stream: number;
  window: number;
};

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  fc.uint8Array({ minLength: 120, maxLength: 140 }),
  fc.constantFrom(0, 127, 128, 4_000, 16_383, 16_384).map((length) => new Uint8Array(length).fill(0x61)),
  fc.string({ unit: "binary", maxLength: 20 }).map((text) => new TextEncoder().encode(text)),
) as fc.Arbitrary<Uint8Array<ArrayBuffer>>;

const said: fc.Arbitrary<Said> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      stream: fc.constantFrom(1, 1, 1, 128),
      payload,
      text: fc.boolean(),
      more: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ stream: fc.constant(1), window: fc.integer({ min: 1, max: 1_000 }) }) },
);

Deno.test("run: whatever is in a frame comes out of runs, and of records between them, as it was", () => {
  fc.assert(fc.property(fc.array(said, { maxLength: 100 }), (all) => {
    const frame = frameOf(all);
    const expected: string[] = [];
    for (const record = new RecordReader(frame); record.next();) expected.push(spell(record));
    const [got, reader] = [[] as string[], new RecordReader(frame)];
    while (reader.next()) {
      const run = reader.kind === KIND.data ? RecordRun.read(reader, NO_LIMITS) : undefined;
      if (run === undefined) got.push(spell(reader));
      else got.push(...spellRun(run, reader.stream));
    }
    assertEquals(got, expected);
    assertEquals(reader.count, expected.length);
  }));
});

Deno.test("run: it counts what is in it, keeps to the credit and to the size of messages, and leaves the rest", () => {
  const limits = fc.record({ credit: fc.nat(2_000), messageBytes: fc.nat(200) });
  fc.assert(fc.property(fc.array(payload, { minLength: 2, maxLength: 90 }), limits, (payloads, limits) => {
    const reader = new RecordReader(
      frameOf(payloads.map((payload) => ({ stream: 7, payload, text: false, more: false }))),
    );
    reader.next();
    const run = RecordRun.read(reader, limits);
    if (run === undefined) return assertEquals(reader.count, 1);
    const parts = [...run.parts()];
    const cost = parts.reduce((sum, part) => sum + creditCost(part.byteLength), 0);
    assertEquals([run.cost, run.contents.messages, reader.count], [cost, parts.length, parts.length]);
    assertEquals(run.contents.emptyFrames, parts.filter(({ byteLength }) => byteLength === 0).length);
    assert(run.cost <= limits.credit && parts.length <= 64 && run.byteLength <= 16 * 1024);
    assert(parts.every(({ byteLength }) => byteLength <= limits.messageBytes));
  }));
});

Deno.test("run: text that is not UTF-8, or is cut within a character, is not in it", () => {
  for (const bad of [[0xff], [0xe2, 0x82], [0x61, 0xc3]]) {
    const payloads = [[0x61], [0xe2, 0x82, 0xac], bad, [0x62]].map((bytes) => Uint8Array.from(bytes));
    const reader = new RecordReader(
      frameOf(payloads.map((payload) => ({ stream: 1, payload, text: true, more: false }))),
    );
    reader.next();
    assertEquals(RecordRun.read(reader, NO_LIMITS)!.contents.messages, 2);
    assert(reader.next());
    assertEquals(reader.payload, payloads[2]);
    assertEquals(RecordRun.read(reader, NO_LIMITS), undefined);
  }
});

Deno.test("run: it becomes one of any stream whose number is as long, and stays as it is otherwise", () => {
  for (const from of STREAMS) {
    for (const to of STREAMS) {
      const payloads = [[1], [], [2, 3]].map((bytes) => Uint8Array.from(bytes));
      const ofStream = (stream: number) =>
        frameOf(payloads.map((payload) => ({ stream, payload, text: false, more: false })));
      const reader = new RecordReader(ofStream(from));
      reader.next();
      const run = RecordRun.read(reader, NO_LIMITS)!;
      const fits = varintLength(from) === varintLength(to);
      assertEquals(run.renumber(to), fits);
      assertEquals(run.bytes, ofStream(fits ? to : from));
    }
  }
});

function frameOf(all: Said[]): Uint8Array<ArrayBuffer> {
  const frame = new RecordWriter();
  for (const one of all) {
    if ("window" in one) frame.window(one.stream, one.window);
    else if (frame.fits(one.payload.byteLength)) frame.data(one.stream, one.payload, one);
  }
  return frame.take();
}

function spell({ kind, stream, isText, hasMore, payload }: RecordReader): string {
  return `${kind} ${stream} ${isText} ${hasMore} ${payload}`;
}

function spellRun(run: RecordRun, stream: number): string[] {
  return [...run.parts()].map(({ isText, bytes }) => `${KIND.data} ${stream} ${isText} false ${bytes}`);
}
