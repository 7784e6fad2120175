/** Attacks with nothing but work: what comes is small, or right, and there is a lot of it. */

import { LIMITS } from "../../src/server/core/limits.ts";
import { concat } from "../helpers/frames.ts";
import type { Listening } from "../helpers/process.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { fateOf, soonest } from "./fate.ts";
import type { Attack } from "./stage.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const [TEXT, BINARY, PING] = [1, 2, 9];
/** Long enough that who waits for the end of the attack is seen to. */
const SECONDS = 5;
/** Bytes of one write. */
const BATCH = 128 * KIB;
const SMALL = 125;
/** More than there are large buffers for reads. */
const IDLE = 160;

export const pingFlood: Attack = {
  name: `Pings of ${SMALL} B at full speed for ${SECONDS} s`,
  oursOnly: true,
  async run(relay) {
    using raw = await RawConnection.upgrade(relay, "/connection/mallory/nobody/doc");
    const fate = fateOf(raw, SECONDS);
    await flood(raw, frameOf(PING, new Uint8Array(SMALL)));
    return await fate;
  },
};

export const busyPairs: Attack = {
  name: `Four pairs that send ${SMALL} B at full speed for ${SECONDS} s`,
  oursOnly: true,
  async run(relay) {
    const sent = await Promise.all([0, 1, 2, 3].map((i) => busyPair(relay, `busy-${i}`)));
    return `${sent.every((frames) => frames > 0) ? "all" : "not all"} are served`;
  },
};

export const bulkPairs: Attack = {
  name: `Four pairs that send 64 KiB at full speed for ${SECONDS} s`,
  oursOnly: true,
  async run(relay) {
    const sent = await Promise.all([0, 1, 2, 3].map((i) => busyPair(relay, `bulk-${i}`, { size: 64 * KIB })));
    return `${sent.every((frames) => frames > 0) ? "all" : "not all"} are served`;
  },
};

export const pinnedReads: Attack = {
  name: `${IDLE} idle connections that hold the relay's read memory, beside bulk`,
  oursOnly: true,
  async run(relay) {
    let [alone, beside] = [0, 0];
    for (let round = 0; round < 6; round++) {
      alone += await busyPair(relay, `alone-${round}`, { size: 64 * KIB, seconds: 0.4 });
      const idle = await Promise.all(Array.from({ length: IDLE }, (_, i) => pin(relay, `${round}-${i}`)));
      // What they have said is read: from now on they are idle.
      await new Promise((resolve) => setTimeout(resolve, 300));
      beside += await busyPair(relay, `beside-${round}`, { size: 64 * KIB, seconds: 0.4 });
      for (const raw of idle) raw[Symbol.dispose]();
    }
    return `bulk at ${Math.round(100 * beside / alone)} %`;
  },
};

export const unfinishedIntroductions: Attack = {
  name: "40 introduction messages of 60 MiB that never end",
  oursOnly: true,
  async run(relay) {
    const raws = await Promise.all(
      Array.from({ length: 40 }, (_, i) => RawConnection.upgrade(relay, `/introduction/${i}`)),
    );
    // All but the last of 60 MiB.
    const begin = frameOf(TEXT, new Uint8Array(60 * MIB).fill(0x20)).subarray(0, -1);
    const outcomes = await Promise.all(raws.map((raw) => taken(raw, begin)));
    for (const raw of raws) raw[Symbol.dispose]();
    return `${outcomes.filter(Boolean).length} of ${raws.length} are taken`;
  },
};

export const pipelinedRequests: Attack = {
  name: "10 clients pipeline 100,000 requests each and read nothing",
  oursOnly: true,
  async run(relay) {
    const request = new TextEncoder().encode("GET /client.js HTTP/1.1\r\nhost: relay\r\n\r\n");
    const requests = concat(Array<Uint8Array>(1_000).fill(request));
    const raws = await Promise.all(Array.from({ length: 10 }, () => RawConnection.open(relay)));
    await Promise.all(raws.map(async (raw) => {
      for (let i = 0; i < 100 && await taken(raw, requests); i++);
    }));
    for (const raw of raws) raw[Symbol.dispose]();
    return "one answer each, or none";
  },
};

/** One pair whose sender sends what it can, and whose receiver takes all; tells how many bytes came. */
async function busyPair(
  relay: Listening,
  document: string,
  { size = SMALL, seconds = SECONDS } = {},
): Promise<number> {
  using sender = await RawConnection.upgrade(relay, `/connection/mallory/eve/${document}`);
  using reader = await RawConnection.upgrade(relay, `/connection/eve/mallory/${document}`);
  let received = 0;
  const reading = (async () => {
    const chunk = new Uint8Array(BATCH);
    for (;;) {
      const count = await reader.connection.read(chunk).catch(() => null);
      if (count === null) return;
      received += count;
    }
  })();
  await flood(sender, frameOf(BINARY, new Uint8Array(size)), seconds);
  reader[Symbol.dispose]();
  await reading;
  return received;
}

/** Sends the same frame over and over, for the time of the attack or until the relay takes no more. */
async function flood(raw: RawConnection, frame: Uint8Array, seconds = SECONDS): Promise<void> {
  const batch = concat(Array<Uint8Array>(Math.max(1, Math.floor(BATCH / frame.length))).fill(frame));
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && await taken(raw, batch));
}

/** Looks like bulk, and then nothing comes: what has come fills a large buffer, so that a still larger one is read into. */
async function pin(relay: Listening, id: string): Promise<RawConnection> {
  const raw = await RawConnection.upgrade(relay, `/connection/mallory-${id}/nobody/doc`);
  await raw.write(frameOf(BINARY, new Uint8Array(MIB)).subarray(0, LIMITS.readBytes.large));
  return raw;
}

async function taken(raw: RawConnection, bytes: Uint8Array): Promise<boolean> {
  return await soonest(raw.write(bytes).then(() => true, () => false), SECONDS, false);
}
