/**
 * How fast the frame codec is by itself, on one core: `deno run -A tests/bench/frames_bench.ts`. Chunks are what a busy
 * socket gives, 64 KiB each, cut wherever that falls; the last row is one frame per chunk, as an idle one gives.
 *
 * @module
 */

import { FrameWalker } from "../../src/server/websocket/frame_walker.ts";
import { FrameBuffer } from "../../src/server/websocket/unmask.ts";
import { burst, type Kind, maskedFrame } from "./frames.ts";

const CHUNK_BYTES = 64 * 1024;
const ROUNDS = 200;

if (import.meta.main) {
  console.log("payload   text GB/s   ns/frame   binary GB/s   ns/frame");
  for (const size of [0, 64, 125, 1024, 16 * 1024, 64 * 1024]) row(`${size}`, size, CHUNK_BYTES);
  row("64 alone", 64, 70);
}

function row(name: string, size: number, chunkBytes: number): void {
  const cells = (["text", "binary"] as const).flatMap((kind) => {
    const { bytes, frames, ns } = measure(size, kind, chunkBytes);
    return [(bytes / ns).toFixed(2).padStart(11), (ns / frames).toFixed(0).padStart(10)];
  });
  console.log(name.padEnd(8) + cells.join(" "));
}

/** The best of many rounds: what the machine does besides only adds. */
function measure(size: number, kind: Kind, chunkBytes: number): { bytes: number; frames: number; ns: number } {
  const frame = maskedFrame(new Uint8Array(size).fill(0x61), kind);
  const frames = Math.max(16, Math.floor((4 * 1024 * 1024) / (frame.length + 100)));
  const bytes = burst(frame, frames);
  const walker = new FrameWalker({ maxMessageBytes: Infinity, ownPing: new Uint8Array(6) });
  let ns = Infinity;
  let messages = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const spent = timed(walker, cut(bytes, chunkBytes), (more) => messages += more);
    ns = Math.min(ns, spent);
  }
  if (messages !== frames * ROUNDS) throw new Error(`${messages} of ${frames * ROUNDS} messages came`);
  return { bytes: bytes.length, frames, ns };
}

function timed(walker: FrameWalker, chunks: FrameBuffer[], count: (messages: number) => void): number {
  const start = performance.now();
  for (const chunk of chunks) {
    walker.walk(chunk, chunk.bytes.length);
    count(walker.contents.messages);
  }
  return (performance.now() - start) * 1e6;
}

/** Each chunk is memory of its own, as if it were just read. */
function cut(bytes: Uint8Array, size: number): FrameBuffer[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, at) => new FrameBuffer(bytes.slice(at * size, (at + 1) * size).buffer),
  );
}
