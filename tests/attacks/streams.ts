/** Attacks with protocol 5: one socket, and everything about streams. */

import { RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import type { Listening } from "../helpers/process.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { flood, soonest } from "./fate.ts";
import type { Attack, Patience } from "./stage.ts";

const BINARY = 2;
const KIB = 1024;
const MIB = 1024 * KIB;
const FATE_SECONDS = 5;
/** Opens in a loop: more than the burst of 20,000. */
const OPENS = 30_000;
/** Streams whose reader gives no credit, and what is said on each: what the first credit allows, of records of one byte. */
const DEAF_STREAMS = 2_000;
const RECORDS = Math.floor(WIRE_LIMITS.firstWindowBytes / (WIRE_LIMITS.recordCost + 1));
/** Messages that never end, each on its way to a connection socket, and how much of each is said. */
const UNFINISHED = 30;
const UNFINISHED_MIB = 40;

export const brokenCredit: Attack = {
  name: "Protocol 5: more data than credit",
  oursOnly: true,
  async run(relay) {
    using raw = await multiplexed(relay, "mallory");
    await raw.write(frame((records) => records.open(1, { userName: "nobody", documentId: "doc" })));
    const data = frame((records) => records.data(1, new Uint8Array(32 * KIB), { text: false, more: false }));
    await flood(raw, data, 100);
    return await closeOf(raw);
  },
};

export const openLoop: Attack = {
  name: `Protocol 5: ${OPENS} streams opened and closed in a loop`,
  oursOnly: true,
  async run(relay) {
    using raw = await multiplexed(relay, "mallory");
    for (let first = 1; first <= OPENS; first += 500) {
      const loop = frame((records) => {
        for (let number = first; number < first + 500; number++) {
          records.open(number, { userName: "nobody", documentId: `doc ${number}` });
          records.close(number, { code: 1000, reason: "" });
        }
      });
      if (await flood(raw, loop, 1) === 0) break;
    }
    return await closeOf(raw);
  },
};

export const tinyRecords: Attack = {
  name: `Protocol 5: ${DEAF_STREAMS} streams full of one-byte messages, whose reader gives no credit`,
  oursOnly: true,
  async run(relay, { seconds }) {
    using reader = await multiplexed(relay, "reader");
    using sender = await multiplexed(relay, "mallory");
    for (let number = 1; number <= DEAF_STREAMS; number++) {
      const documentId = `doc ${number}`;
      await reader.write(frame((records) => records.open(number, { userName: "mallory", documentId })));
      await sender.write(frame((records) => records.open(number, { userName: "reader", documentId })));
    }
    let taken = 0;
    // The first credit goes to the reader; the second waits at the relay.
    for (let round = 0; round < 2; round++) {
      for (let number = 1; number <= DEAF_STREAMS; number++) {
        const full = frame((records) => {
          for (let i = 0; i < RECORDS; i++) records.data(number, new Uint8Array(1), { text: false, more: false });
        });
        taken += await flood(sender, full, 1);
      }
    }
    return `${await soonest(closeOf(sender), seconds, "left open")} after ${taken * RECORDS} messages`;
  },
};

/** On `deno` the relay has to put the messages together. */
export const unfinishedMessages: Attack = {
  name: `Protocol 5: ${UNFINISHED} messages of ${UNFINISHED_MIB} MiB that never end`,
  oursOnly: true,
  run: (relay, patience) => unfinished(relay, patience),
};

async function unfinished(relay: Listening, { seconds }: Patience): Promise<string> {
  const readers = await Promise.all(
    Array.from({ length: UNFINISHED }, (_, i) => RawConnection.upgrade(relay, `/connection/reader/mallory/${i}`)),
  );
  using sender = await multiplexed(relay, "mallory");
  for (let i = 0; i < UNFINISHED; i++) {
    await sender.write(frame((records) => records.open(i + 1, { userName: "reader", documentId: `${i}` })));
  }
  // Credit comes back as fast as the relay takes what is said: who waits a little never has too little.
  const fate = closeOf(sender);
  const part = new Uint8Array(32 * KIB - WIRE_LIMITS.recordCost);
  let taken = 0;
  for (let round = 0; round < UNFINISHED_MIB * MIB / part.length; round++) {
    for (let number = 1; number <= UNFINISHED; number++) {
      taken += await flood(sender, frame((records) => records.data(number, part, { text: false, more: true })), 1);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const end = await soonest(fate, seconds, "left open");
  for (const reader of readers) reader[Symbol.dispose]();
  return `${end} after ${Math.round(taken * part.length / MIB)} MiB`;
}

async function multiplexed(relay: Listening, id: string): Promise<RawConnection> {
  return await RawConnection.upgrade(relay, `/introduction/${id}?protocol=5`);
}

/** One frame of records, as a client sends it. */
function frame(write: (records: RecordWriter) => void): Uint8Array {
  const records = new RecordWriter();
  write(records);
  return frameOf(BINARY, records.take());
}

/** The close frame behind whatever else comes. */
async function closeOf(raw: RawConnection): Promise<string> {
  const close = raw.readClose().then((close) => close === undefined ? "hung up on" : `closed with ${close.code}`);
  return await soonest(close.catch(() => "hung up on"), FATE_SECONDS, "left open");
}
