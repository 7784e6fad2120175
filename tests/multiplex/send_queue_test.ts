import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RecordReader, RecordWriter } from "../../src/protocol.ts";
import { Part } from "../../src/server/core/message.ts";
import { SendQueue } from "../../src/server/multiplex/send_queue.ts";

Deno.test("whatever is pushed and written in whatever order comes out as it went in, and weighs nothing at last", () => {
  const step = fc.oneof(
    fc.record({ push: fc.oneof(fc.nat(20), fc.nat(3_000), fc.nat(70_000)), text: fc.boolean(), ends: fc.boolean() }),
    fc.nat(40_000),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [queue, pushed, written] = [new SendQueue(), [] as string[], [] as string[]];
      let seed = 0;
      for (const step of steps) {
        if (typeof step === "number") write(queue, step, written);
        else {
          const frame = new Uint8Array(step.push + 10).map((_, i) => seed + i);
          seed += 7;
          pushed.push(...[...frame.slice(5, 5 + step.push)].map(String), `${step.text} ${step.ends}`);
          queue.push(new Part(frame, step.text, true, step.ends, 5, 5 + step.push));
          // The frame is somebody else's now.
          frame.fill(0);
        }
      }
      while (!queue.isEmpty) write(queue, 2 ** 30, written);
      assertEquals(joinParts(written), joinParts(pushed));
      assertEquals(queue.weight, 0);
    }),
    { numRuns: 60 },
  );
});

Deno.test("ten thousand small parts that wait weigh what they cost of the credit", () => {
  const queue = new SendQueue();
  for (let i = 0; i < 10_000; i++) queue.push(new Part(Uint8Array.of(i), false, true, true));
  assert(queue.weight >= 10_000 * 65 && queue.weight < 10_000 * 70, `${queue.weight}`);
});

/** Writes one record, if the credit is enough. */
function write(queue: SendQueue, credit: number, into: string[]): void {
  const length = queue.nextLength(credit);
  if (length === undefined) return;
  const frame = new RecordWriter();
  queue.write(frame, 1, length);
  const record = new RecordReader(frame.take());
  record.next();
  into.push(...[...record.payload].map(String), `${record.isText} ${!record.hasMore}`);
}

/** Bytes and the ends of messages; where records end in between is nobody's business. */
function joinParts(said: string[]): string {
  return said.filter((word) => !word.endsWith(" false")).join();
}
