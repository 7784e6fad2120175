/** Attacks with nothing but work: what comes is small, or right, and there is a lot of it. */

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
    const sent = await Promise.all([0, 1, 2, 3].map((i) => busyPair(relay, `bulk-${i}`, 64 * KIB)));
    return `${sent.every((frames) => frames > 0) ? "all" : "not all"} are served`;
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
async function busyPair(relay: Listening, document: string, size = SMALL): Promise<number> {
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
  await flood(sender, frameOf(BINARY, new Uint8Array(size)));
  reader[Symbol.dispose]();
  await reading;
  return received;
}

/** Sends the same frame over and over, for the time of the attack or until the relay takes no more. */
async function flood(raw: RawConnection, frame: Uint8Array): Promise<void> {
  const batch = concat(Array<Uint8Array>(Math.max(1, Math.floor(BATCH / frame.length))).fill(frame));
  const until = performance.now() + SECONDS * 1000;
  while (performance.now() < until && await taken(raw, batch));
}

async function taken(raw: RawConnection, bytes: Uint8Array): Promise<boolean> {
  return await soonest(raw.write(bytes).then(() => true, () => false), SECONDS, false);
}
