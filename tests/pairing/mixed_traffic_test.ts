/** Many pairs at once, with messages of all sizes and readers that stop for a while: nothing is mixed up. */

import { assertEquals } from "@std/assert";
import { connectionPath } from "../../src/protocol.ts";
import { concat } from "../helpers/frames.ts";
import { startRelay } from "../helpers/process.ts";
import { frameOf, handshake, RawConnection } from "../helpers/raw.ts";
import { VARIANTS } from "../helpers/transports.ts";

const PAIRS = 12;
const MESSAGES = 120;

/** A message that only this one of only this sender is. */
function message(sender: number, at: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeOf(sender, at));
  let state = (sender * 7919 + at * 104_729 + 1) >>> 0;
  for (let i = 0; i < bytes.length; i++) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** From nothing to 300 KB, around every size that is read at once; small ones most often. */
function sizeOf(sender: number, at: number): number {
  const sizes = [0, 1, 64, 125, 126, 500, 512, 700, 4_090, 4_096, 5_000, 65_536, 67_584, 70_000, 300_000];
  const pick = (sender * 31 + at * 17 + (at >> 3)) % 29;
  return sizes[pick % sizes.length] + (pick < sizes.length ? 0 : at % 7);
}

async function speak(raw: RawConnection, sender: number): Promise<void> {
  for (let at = 0; at < MESSAGES; at++) await raw.write(frameOf(2, message(sender, at)));
}

/** Every tenth message is waited for long enough that others fill the way to this reader. */
async function hear(raw: RawConnection, sender: number): Promise<void> {
  for (let at = 0; at < MESSAGES; at++) {
    if (at % 10 === sender % 10) await othersSpeak();
    const frame = await raw.readFrame();
    // Not `assertEquals`, which would take longer than all else.
    const expected = message(sender, at);
    const isEqual = frame?.payload.length === expected.length && frame.payload.every((byte, i) => byte === expected[i]);
    assertEquals([isEqual, frame?.payload.length], [true, expected.length], `message ${at} of sender ${sender}`);
  }
}

async function othersSpeak(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

for (const { name, flags } of VARIANTS) {
  Deno.test(`${name}: ${2 * PAIRS} peers send ${MESSAGES} messages of all sizes at once, and each hears its own`, async () => {
    await using relay = await startRelay([...flags]);
    const sides = Array.from({ length: PAIRS }, (_, i) => [[`a${i}`, `b${i}`], [`b${i}`, `a${i}`]]).flat();
    const paths = sides.map(([local, remote]) => connectionPath(local, remote, "document"));
    const raws = await Promise.all(paths.map((path) => RawConnection.upgrade(relay, path)));
    await Promise.all(raws.flatMap((raw, i) => [speak(raw, i), hear(raw, i ^ 1)]));
    for (const raw of raws) raw[Symbol.dispose]();
  });
}

for (const { name, flags } of VARIANTS) {
  Deno.test(`${name}: hundreds of frames right behind the request arrive whole and in order`, async () => {
    await using relay = await startRelay([...flags]);
    using bob = await RawConnection.upgrade(relay, connectionPath("bob", "alice", "document"));
    using alice = await RawConnection.open(relay);
    const payloads = Array.from({ length: 400 }, (_, at) => new Uint8Array(1_000).fill(at % 251));
    const request = new TextEncoder().encode(handshake(connectionPath("alice", "bob", "document")));
    await alice.write(concat([request, ...payloads.map((payload) => frameOf(2, payload))]));
    for (const payload of payloads) assertEquals((await bob.readFrame())?.payload, payload);
  });
}
