/** Attacks on introductions: what is said is right, and costs as much as can be. */

import { concat } from "../helpers/frames.ts";
import type { Listening } from "../helpers/process.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { drained, forAWhile, repeat, SECONDS, taken } from "./persistence.ts";
import { soonest } from "./fate.ts";
import type { Attack } from "./stage.ts";

const KIB = 1024;
const [TEXT, BINARY] = [1, 2];
/** As many as a peer may have. */
const DOCUMENTS = Array.from({ length: 10_000 }, (_, i) => `document-${i}`);
const POPULAR = "popular";
/** Connections that are opened at the same time. */
const AT_ONCE = 50;
/** Longer than a join takes to be told other instances twice. */
const QUIET_MS = 2_000;

export const reminders: Attack = {
  name: "500 sockets of one id, 500 connections that wait for it",
  oursOnly: true,
  async prepare(relay) {
    const sockets = await openAll(relay, 500, () => "/introduction/mallory");
    for (const socket of sockets) await socket.write(joinOf([POPULAR]));
    return sockets;
  },
  async run(relay) {
    const waiting = await openAll(relay, 500, (i) => `/connection/waiting-${i}/mallory/${POPULAR}`);
    await forAWhile(() => new Promise((resolve) => setTimeout(resolve, 100)));
    return `${hangUp(waiting)} wait on`;
  },
};

export const joinsAndLeaves: Attack = {
  name: `A client joins and leaves ${DOCUMENTS.length} documents for ${SECONDS} s`,
  oursOnly: true,
  run: (relay) => repeat(relay, "mallory", concat([joinOf(DOCUMENTS), leaveOf(DOCUMENTS)])),
};

export const leavesOfOneId: Attack = {
  name: "The same beside 1,000 sockets of its id",
  oursOnly: true,
  prepare: (relay) => openAll(relay, 1_000, () => "/introduction/mallory"),
  run: (relay) => repeat(relay, "mallory", concat([joinOf(DOCUMENTS), leaveOf(DOCUMENTS)])),
};

export const departures: Attack = {
  name: `20 clients join ${DOCUMENTS.length} documents and hang up, for ${SECONDS} s`,
  oursOnly: true,
  async run(relay) {
    const round = async (i: number) => {
      using raw = await RawConnection.upgrade(relay, `/introduction/mallory-${i}`);
      const joined = drained(raw);
      await taken(raw, concat([joinOf(DOCUMENTS), joinOf([`done-${i}`])]));
      await soonest(joined, 0.2, undefined);
    };
    let connections = 0;
    const client = (i: number) => forAWhile(() => round(i).then(() => void connections++));
    await Promise.all(Array.from({ length: 20 }, (_, i) => client(i)));
    return `${2 * connections} messages in ${connections} connections`;
  },
};

export const crowdedMessages: Attack = {
  name: `Messages of 1 MiB with as many values as fit, for ${SECONDS} s`,
  oursOnly: true,
  async run(relay) {
    const values = 1024 * KIB - 100;
    const json = frameOf(TEXT, new TextEncoder().encode(`{"join":[${Array(values / 4).fill("[]").join()}]}`));
    const packed = new Uint8Array(5 + values).fill(0xa0);
    packed.set([0xdd, 0, 0x0f, 0, 0]);
    return await repeat(relay, "mallory", concat([json, frameOf(BINARY, packed)]));
  },
};

export const joinsAcross: Attack = {
  name: `A client joins and leaves ${DOCUMENTS.length} documents of a peer on another instance for ${SECONDS} s`,
  oursOnly: true,
  isAcross: true,
  async prepare(_, { elsewhere }) {
    const peers = await openAll(elsewhere!, 1, () => "/introduction/victim");
    await joinAll(peers, DOCUMENTS);
    return peers;
  },
  run: (relay) => repeat(relay, "mallory", concat([joinOf(DOCUMENTS), leaveOf(DOCUMENTS)])),
};

export const popularJoinsAcross: Attack = {
  name: `A client joins a document of 1,000 peers on another instance, 30 KB/s for ${SECONDS} s`,
  oursOnly: true,
  isAcross: true,
  async prepare(_, { elsewhere }) {
    const peers = await openAll(elsewhere!, 1_000, (i) => `/introduction/peer-${i}`);
    await joinAll(peers, [POPULAR]);
    return peers;
  },
  async run(relay) {
    const join = joinOf([POPULAR]);
    return await repeat(relay, "mallory", concat(Array(100).fill(join)), 1_000 * 100 * join.length / 30_000);
  },
};

async function openAll(relay: Listening, count: number, path: (i: number) => string): Promise<RawConnection[]> {
  const raws: RawConnection[] = [];
  while (raws.length < count) {
    const length = Math.min(AT_ONCE, count - raws.length);
    const some = Array.from({ length }, (_, i) => RawConnection.upgrade(relay, path(raws.length + i)));
    raws.push(...await Promise.all(some));
  }
  return raws;
}

/** Lets peers join, and waits until each has been introduced to all others, and has told other instances. */
async function joinAll(peers: RawConnection[], documents: string[]): Promise<void> {
  let heardAt = performance.now();
  for (const peer of peers) drained(peer, () => heardAt = performance.now());
  for (const peer of peers) await peer.write(joinOf(documents));
  while (performance.now() - heardAt < QUIET_MS) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Gives how many were there. */
function hangUp(raws: RawConnection[]): number {
  for (const raw of raws) raw[Symbol.dispose]();
  return raws.length;
}

function joinOf(documents: string[]): Uint8Array {
  return messageOf({ type: "Join", join: documents });
}

function leaveOf(documents: string[]): Uint8Array {
  return messageOf({ type: "Leave", leave: documents });
}

function messageOf(message: unknown): Uint8Array {
  return frameOf(TEXT, new TextEncoder().encode(JSON.stringify(message)));
}
