/** Attacks with introduction messages. */

import { encode } from "@std/msgpack";
import type { Listening } from "../helpers/process.ts";
import { frameOf, RawConnection } from "../helpers/raw.ts";
import { fateOf, flood, soonest } from "./fate.ts";
import type { Attack } from "./stage.ts";

/** Peers interested in the popular document: each of its joins makes twice as many introductions. */
const STORM_PEERS = 500;
/** More joins than the burst of 12,000 allows. */
const STORM_JOINS = 20_000;
const FATE_SECONDS = 2;
/** All its joins take a relay up to 10 s. */
const STORM_SECONDS = 10;
const BINARY = 2;

export const msgpackNil: Attack = {
  name: "MessagePack nil (one byte), 100 times",
  run: (relay) => say(relay, Array(100).fill(frameOf(BINARY, Uint8Array.of(0xc0)))),
};

export const leaveWithoutIds: Attack = {
  name: "`Leave` without ids, 100 times",
  run: (relay) => say(relay, [join("doc"), ...Array(100).fill(message({ type: "Leave" }))]),
};

export const staleSocket: Attack = {
  name: "A returning peer's stale socket closes late",
  async run(relay) {
    using stale = await introduction(relay, "alice");
    using returned = await introduction(relay, "alice");
    for (const raw of [stale, returned]) await raw.write(join("doc"));
    await stale.write(frameOf(8, Uint8Array.of(0x03, 0xe8)));
    await stale.hungUp();
    // The relay hears of the end when both sides have hung up.
    stale[Symbol.dispose]();
    using bob = await introduction(relay, "bob");
    await bob.write(join("doc"));
    const introduced = returned.readFrame().then((frame) => frame !== undefined, () => false);
    return await soonest(introduced, FATE_SECONDS, false) ? "the peer is found" : "**the peer is lost**";
  },
};

export const joinStorm: Attack = {
  name: `${STORM_JOINS} joins of a document that ${STORM_PEERS} peers share`,
  oursOnly: true,
  async run(relay) {
    const peers = await Promise.all(Array.from({ length: STORM_PEERS }, (_, i) => introduction(relay, `peer-${i}`)));
    for (const peer of peers) await peer.write(join("popular"));
    using attacker = await introduction(relay, "mallory");
    // All read what comes, or they would be dismissed as slow readers.
    const fate = Promise.race([
      drained(attacker),
      ...peers.map((peer) => drained(peer).then(() => new Promise<never>(() => {}))),
    ]);
    const frame = join("popular");
    const burst = new Uint8Array(frame.length * 1_000);
    for (let i = 0; i < 1_000; i++) burst.set(frame, i * frame.length);
    await flood(attacker, burst, STORM_JOINS / 1_000);
    const end = await soonest(fate, STORM_SECONDS, "still served");
    for (const peer of peers) peer[Symbol.dispose]();
    return end;
  },
};

async function say(relay: Listening, frames: Uint8Array[]): Promise<string> {
  using raw = await introduction(relay, "mallory");
  for (const frame of frames) if (await flood(raw, frame, 1) === 0) break;
  return await fateOf(raw, FATE_SECONDS);
}

function introduction(relay: Listening, id: string): Promise<RawConnection> {
  return RawConnection.upgrade(relay, `/introduction/${id}`);
}

/** In the spelling that also the ancestor understands. */
function join(documentId: string): Uint8Array {
  return message({ type: "Join", documentIds: [documentId] });
}

function message(value: Record<string, unknown>): Uint8Array {
  return frameOf(BINARY, encode(value as Parameters<typeof encode>[0]));
}

/** Reads everything away, and says when it ends; a close frame is the last that comes. */
async function drained(raw: RawConnection): Promise<string> {
  const chunk = new Uint8Array(256 * 1024);
  let last = new Uint8Array(0);
  for (;;) {
    const read = await raw.connection.read(chunk).catch(() => null);
    if (read === null) break;
    last = chunk.slice(Math.max(0, read - 64), read);
  }
  return new TextDecoder().decode(last).includes("too many messages") ? "closed with 1008" : "hung up on";
}
