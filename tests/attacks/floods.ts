/** Attacks with what peers send to each other. */

import type { Listening } from "../helpers/process.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { fateOf, flood } from "./fate.ts";
import type { Attack, Patience } from "./stage.ts";

const MIB = 1024 * 1024;
const BINARY = 2;
const CLOSE = 8;
const LAST_WORDS = 500;
/** Of them at a time. */
const LANES = 10;
/** Far below this machine's, so that the watchdog is seen at work before anything suffers. */
const MAX_MEMORY = 400 * MIB;
/** Frames in one write. */
const BATCH = 10_000;

export const unpairedHold: Attack = {
  name: "200 MiB into an unpaired hold",
  async run(relay) {
    using raw = await RawConnection.upgrade(relay, "/connection/mallory/nobody/doc");
    const taken = await flood(raw, frameOf(BINARY, new Uint8Array(MIB)), 200);
    return `${await fateOf(raw, 2)} after ${taken} MiB`;
  },
};

/** Each waits for a second for a peer that never comes, though its connection is gone. */
export const lastWords: Attack = {
  name: `${LAST_WORDS} connections that say 512 KiB each, and hang up`,
  oursOnly: true,
  async run(relay) {
    using raw = await RawConnection.upgrade(relay, "/introduction/mallory");
    await raw.sendText('{"type":"Join","join":["doc"]}');
    const lane = async (_: unknown, lane: number) => {
      for (let i = 0; i < LAST_WORDS / LANES; i++) await speakAndLeave(relay, `/connection/mallory/${lane}-${i}/doc`);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return await fateOf(raw, 2);
  },
};

async function speakAndLeave(relay: Listening, path: string): Promise<void> {
  using raw = await RawConnection.upgrade(relay, path);
  await raw.write(frameOf(BINARY, new Uint8Array(MIB / 2)));
  await raw.write(frameOf(CLOSE, Uint8Array.of(0x03, 0xe8)));
  await raw.readClose();
}

export const stalledReader: Attack = {
  name: "500 MiB to a stalled reader",
  async run(relay, patience) {
    const { taken, fate } = await stalled(relay, { chunk: frameOf(BINARY, new Uint8Array(MIB)), times: 500 }, patience);
    return `${fate} after ${taken} MiB`;
  },
};

export const tinyFrames: Attack = {
  name: "A million frames of one byte to a stalled reader",
  oursOnly: true,
  run: (relay, patience) => many(relay, 1, patience),
};

export const emptyFrames: Attack = {
  name: "A million empty frames to a stalled reader",
  oursOnly: true,
  run: (relay, patience) => many(relay, 0, patience),
};

export const endlessFragments: Attack = {
  name: `Fragments without end, --max-memory ${MAX_MEMORY / MIB} MiB`,
  conditions: { options: ["--max-memory", `${MAX_MEMORY}`] },
  async run(relay) {
    using raw = await RawConnection.upgrade(relay, "/connection/mallory/nobody/doc");
    await raw.write(frameOf(BINARY, new Uint8Array(1), { first: BINARY }));
    const taken = await flood(raw, frameOf(0, new Uint8Array(MIB), { first: 0 }), 2_000);
    return `${await fateOf(raw, 5)} after ${taken} MiB`;
  },
};

async function many(relay: Listening, size: number, patience: Patience): Promise<string> {
  const frame = frameOf(BINARY, new Uint8Array(size));
  const chunk = new Uint8Array(frame.length * BATCH);
  for (let i = 0; i < BATCH; i++) chunk.set(frame, i * frame.length);
  const { taken, fate } = await stalled(relay, { chunk, times: 1_000_000 / BATCH }, patience);
  return `${fate} after ${taken * BATCH} frames`;
}

/** Two attackers: one sends, the other reads nothing. */
async function stalled(
  relay: Listening,
  { chunk, times }: { chunk: Uint8Array; times: number },
  { seconds }: Patience,
): Promise<{ taken: number; fate: string }> {
  using _reader = await RawConnection.upgrade(relay, "/connection/reader/mallory/doc");
  using sender = await RawConnection.upgrade(relay, "/connection/mallory/reader/doc");
  const taken = await flood(sender, chunk, times);
  return { taken, fate: await fateOf(sender, seconds) };
}
