/** Attacks with protocol 5: one socket, and everything about streams. */

import { RecordWriter, WIRE_LIMITS } from "../../src/protocol.ts";
import { concat } from "../helpers/frames.ts";
import type { Listening } from "../helpers/process.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { flood, soonest } from "./fate.ts";
import { drained, forAWhile, repeat, SECONDS, taken } from "./persistence.ts";
import type { Attack, Patience } from "./stage.ts";

const [TEXT, BINARY] = [1, 2];
const KIB = 1024;
const MIB = 1024 * KIB;
/** As long as a busy machine needs to open all. */
const FATE_SECONDS = 20;
/** Opens in a loop: more than the burst of 20,000. */
const OPENS = 30_000;
/** Opens of one socket that then hangs up: nearly all that it may have. */
const DEPARTING = 16_000;
/** Streams whose reader gives no credit, and what is said on each: what the first credit allows, of records of one byte. */
const DEAF_STREAMS = 2_000;
const RECORDS = Math.floor(WIRE_LIMITS.firstWindowBytes / (WIRE_LIMITS.recordCost + 1));
/** Streams whose partners are connection sockets. */
const EMPTY_STREAMS = 100;
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

export const streamDepartures: Attack = {
  name: `Protocol 5: 5 clients open ${DEPARTING} streams each and hang up, for ${SECONDS} s`,
  oursOnly: true,
  async run(relay) {
    const opens = opensOf(DEPARTING);
    let connections = 0;
    const client = (i: number) =>
      forAWhile(async () => {
        using raw = await multiplexed(relay, `mallory-${i}`);
        drained(raw);
        await taken(raw, opens);
        connections += 1;
        await new Promise((resolve) => setTimeout(resolve, 200));
      });
    await Promise.all(Array.from({ length: 5 }, (_, i) => client(i)));
    return `${connections} messages in ${connections} connections`;
  },
};

/** Each array is as long as one may be. */
export const controlFloods: Attack = {
  name: `Protocol 5: frames of up to 1 MiB full of control messages, for ${SECONDS} s`,
  oursOnly: true,
  run(relay) {
    const ids = Array.from({ length: 200 }, (_, i) => `document ${i}`.padEnd(100, "."));
    const frames = [
      arrayOf(2_500, { type: "Heartbeat" }),
      arrayOf(1_500, { type: "Token", token: "x".repeat(500) }),
      arrayOf(40, { type: "Join", join: ids }, { type: "Leave", leave: ids }),
      arrayOf(1_500, { type: "Unknown", text: "x".repeat(500) }),
      frameOf(TEXT, new TextEncoder().encode(`[${Array(500_000).fill("1").join()}]`)),
    ];
    return repeat(relay, "mallory?protocol=5", concat(frames));
  },
};

/** Two clients that both attack: what one says, the other takes off its socket, but never grants any credit for. */
export const deafReader: Attack = {
  name: `Protocol 5: ${DEAF_STREAMS} streams as full as may be, whose reader gives no credit`,
  oursOnly: true,
  async run(relay, { seconds }) {
    using reader = await multiplexed(relay, "reader");
    using sender = await multiplexed(relay, "mallory");
    drained(reader);
    await reader.write(opensOf(DEAF_STREAMS, "mallory"));
    await sender.write(opensOf(DEAF_STREAMS, "reader"));
    const part = new Uint8Array(32 * KIB - WIRE_LIMITS.recordCost);
    let mib = 0;
    // What the first credit allows, and then what the relay gives before the reader's silence holds it up.
    for (let round = 0; round < 4; round++) {
      for (let number = 1; number <= DEAF_STREAMS; number++) {
        mib += await flood(sender, frame((records) => records.data(number, part, { text: false, more: false })), 1) /
          32;
      }
    }
    return `${await soonest(closeOf(sender), seconds, "left open")} after ${Math.round(mib)} MiB`;
  },
};

/** Each is a message of its own to the connection socket that takes it. */
export const emptyRecords: Attack = {
  name: `Protocol 5: ${EMPTY_STREAMS} streams to connection sockets, full of empty messages`,
  oursOnly: true,
  async run(relay, { seconds }) {
    const path = (i: number) => `/connection/reader/mallory/doc ${i + 1}`.replaceAll(" ", "%20");
    const readers = await Promise.all(
      Array.from({ length: EMPTY_STREAMS }, (_, i) => RawConnection.upgrade(relay, path(i))),
    );
    using sender = await multiplexed(relay, "mallory");
    await sender.write(opensOf(EMPTY_STREAMS, "reader"));
    const fate = closeOf(sender);
    let taken = 0;
    for (let round = 0; round < 10; round++) {
      for (let number = 1; number <= EMPTY_STREAMS; number++) {
        const full = frame((records) => {
          for (let i = 0; i < 1_000; i++) records.data(number, new Uint8Array(0), { text: false, more: false });
        });
        taken += await flood(sender, full, 1);
      }
    }
    const end = await soonest(fate, seconds, "left open");
    for (const reader of readers) reader[Symbol.dispose]();
    return `${end} after ${taken * 1_000} messages`;
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

/** On `deno` the relay has to put the messages together: more than it has room for. */
export const unfinishedMessages: Attack = {
  name: `Protocol 5: ${UNFINISHED} messages of ${UNFINISHED_MIB} MiB that never end`,
  conditions: { options: ["--max-buffered-total", `${256 * MIB}`] },
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

export async function multiplexed(relay: Listening, id: string): Promise<RawConnection> {
  return await RawConnection.upgrade(relay, `/introduction/${id}?protocol=5`);
}

/** Opens under the numbers 1, 2, 3..., about documents of the same numbers. */
function opensOf(count: number, userName = "nobody"): Uint8Array {
  const frames: Uint8Array[] = [];
  for (let first = 1; first <= count; first += 500) {
    frames.push(frame((records) => {
      for (let number = first; number < Math.min(first + 500, count + 1); number++) {
        records.open(number, { userName, documentId: `doc ${number}` });
      }
    }));
  }
  return concat(frames);
}

/** A text frame with messages, over and over. */
function arrayOf(times: number, ...messages: unknown[]): Uint8Array {
  return frameOf(TEXT, new TextEncoder().encode(JSON.stringify(Array(times).fill(messages).flat())));
}

/** One frame of records, as a client sends it. */
export function frame(write: (records: RecordWriter) => void): Uint8Array {
  const records = new RecordWriter();
  write(records);
  return frameOf(BINARY, records.take());
}

/** The close frame behind whatever else comes. */
async function closeOf(raw: RawConnection): Promise<string> {
  const close = raw.readClose().then((close) => close === undefined ? "hung up on" : `closed with ${close.code}`);
  return await soonest(close.catch(() => "hung up on"), FATE_SECONDS, "left open");
}
