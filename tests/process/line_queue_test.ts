import { assertEquals } from "@std/assert";
import { LIMITS } from "../../src/server/core/limits.ts";
import { LineQueue, type Output } from "../../src/server/process/line_queue.ts";
import { FakeClock } from "../helpers/fakes.ts";

/** A file or pipe that takes what it is told to take. */
class FakeOutput implements Output {
  text = "";
  /** How many bytes it takes at once; an error: what it fails with. */
  takes: number | Error = Infinity;
  /** While it is pending, nobody reads. */
  reader = Promise.resolve();

  async write(bytes: Uint8Array): Promise<number> {
    await this.reader;
    if (this.takes instanceof Error) throw this.takes;
    const taken = bytes.subarray(0, this.takes);
    this.text += new TextDecoder().decode(taken);
    return taken.byteLength;
  }
}

function queueTo(output: FakeOutput) {
  const clock = new FakeClock();
  const queue: LineQueue = new LineQueue(output, clock, (lines) => queue.push(`dropped ${lines}\n`));
  return { queue, clock };
}

/** Lets promises that are settled run on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("lines are written in order, however little the output takes at once", async () => {
  const output = new FakeOutput();
  const { queue, clock } = queueTo(output);
  output.takes = 3;
  for (const line of ["one\n", "two\n", "three\n"]) queue.push(line);
  await queue.flush();
  assertEquals([output.text, clock.pending], ["one\ntwo\nthree\n", 0]);
  queue.push("four\n");
  await queue.flush();
  assertEquals(output.text, "one\ntwo\nthree\nfour\n");
});

Deno.test("while nobody reads, what finds no room is dropped, and a line in its place says how much", async () => {
  const output = new FakeOutput();
  const { queue } = queueTo(output);
  const reader = Promise.withResolvers<void>();
  output.reader = reader.promise;
  const line = `${"x".repeat(LIMITS.lineQueueLength / 4 - 1)}\n`;
  for (let i = 0; i < 7; i++) queue.push(line);
  reader.resolve();
  await queue.flush();
  queue.push("later\n");
  await queue.flush();
  assertEquals(output.text.replaceAll(line, "line\n"), "line\nline\nline\nline\ndropped 3\nlater\n");
});

Deno.test("a write that fails is tried again, so that a full disk that gets room loses nothing", async () => {
  const output = new FakeOutput();
  const { queue, clock } = queueTo(output);
  output.takes = new Error("No space left on device");
  queue.push("one\n");
  await settle();
  clock.pass(LIMITS.writeAgainMs);
  await settle();
  queue.push("two\n");
  output.takes = Infinity;
  clock.pass(LIMITS.writeAgainMs);
  await queue.flush();
  assertEquals(output.text, "one\ntwo\n");
});

Deno.test("the end does not wait long for a reader who never comes", async () => {
  const output = new FakeOutput();
  const { queue, clock } = queueTo(output);
  output.reader = new Promise(() => {});
  queue.push("one\n");
  const flushed = queue.flush();
  clock.pass(LIMITS.flushMs);
  await flushed;
  assertEquals([output.text, clock.pending], ["", 0]);
});
