/**
 * All soak peers, and what must be true of them and of the relay when nobody acts any more.
 *
 * @module
 */

import type { Counts } from "./tested_relay.ts";
import type { TestedRelays } from "./tested_relays.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import type { ConnectionKey, Side } from "./side.ts";
import { type Dialect, DIALECTS, SoakPeer } from "./soak_peer.ts";

/**
 * Peers about one document: enough that a joiner meets several, few enough that thousands of peers fit the relay's 10,000
 * sockets. With one and a half documents a peer this makes three connections a peer.
 */
const PEERS_PER_DOCUMENT = 3;
/** Seconds in which all must have met, on a busy machine: reminders come after 2 s, and then every 15. */
const MEETING_SECONDS = 60;
/** Seconds for the counts to come back to zero: on the default transport a lost handshake counts for 10 s. */
const EMPTY_SECONDS = 60;
/** Milliseconds in which a reminder is answered, by another instance and on a busy machine too. */
const REMINDED_MS = 5_000;
/** Milliseconds between two looks at what only the relay knows. */
const LOOK_MS = 50;
/** More would only repeat the first. */
const VIOLATIONS_SHOWN = 10;

/** The peers of one relay, or of several that act as one, and what went wrong. */
export class World {
  readonly peers: SoakPeer[];
  readonly sides = new Map<number, Side>();
  readonly #violations: string[] = [];
  /** Closes of the relay that were lost to a reset. */
  get hangUps(): number {
    return this.#hungUp.length;
  }

  /** @param streams The share of peers that speak protocol 5. */
  constructor(readonly relays: TestedRelays, peers: number, streams: number) {
    const options = {
      relays,
      sides: this.sides,
      violated: (what: string) => void this.#violations.push(what),
      hungUp: (side: Side) => void this.#hungUp.push(side),
      isThere: (key: ConnectionKey) => this.#isThere(key),
    };
    this.peers = Array.from({ length: peers }, (_, i) => {
      return new SoakPeer(`peer-${i}`, documentsOf(i), dialectOf(i, streams), options);
    });
  }

  /** Throws when anything was not as it should be. */
  check(): void {
    const fallen = this.relays.living.find(({ fall }) => fall !== undefined);
    if (fallen !== undefined) {
      throw new Error(`Cannot pass the soak: want relays that live, one ended with ${fallen.fall}`);
    }
    if (this.#violations.length === 0) return;
    const shown = this.#violations.slice(0, VIOLATIONS_SHOWN).join("\n  ");
    throw new Error(`Cannot pass the soak: want no violation, got ${this.#violations.length}:\n  ${shown}`);
  }

  /** Waits until all who are here have met, all that was said was heard, and the relay counts what we count. */
  async settled(): Promise<void> {
    await this.#until(() => this.#unsettled(), MEETING_SECONDS);
    await this.#until(async () => differences(this.expectedCounts(), await this.relays.counts()), MEETING_SECONDS);
  }

  /** Everybody leaves; then nothing may be left of anybody. */
  async emptied(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.vanish("close")));
    await this.#until(async () => differences(EMPTY, await this.relays.counts()), EMPTY_SECONDS);
  }

  /** What the relay must count. What it buffers it knows as of the latest frame only, so that is left out. */
  expectedCounts(): Omit<Counts, "bufferedBytes"> {
    const present = this.peers.filter(({ isPresent }) => isPresent);
    const sides = this.peers.flatMap(({ sides }) => sides);
    const paired = sides.filter(({ isPaired }) => isPaired);
    const apart = paired.filter(({ relay, partner }) => partner?.relay !== relay).length;
    return {
      connections: present.length + sides.filter(({ isStream }) => !isStream).length,
      streams: sides.filter(({ isStream }) => isStream).length,
      peers: present.length,
      documents: this.#documentsByRelay(present),
      seekers: sides.length - paired.length,
      // Each of two instances counts a pair that they share.
      pairs: (paired.length - apart) / 2 + apart,
      remotePairs: apart,
    };
  }

  /** Whether the peer that somebody waits for has been interested for longer than between two reminders. */
  #isThere({ remoteId, documentId }: ConnectionKey): boolean {
    const since = this.peers.find(({ id }) => id === remoteId)?.interests.get(documentId) ?? Infinity;
    return performance.now() - since > LIMITS.remindEveryMs + REMINDED_MS;
  }

  #documentsByRelay(present: readonly SoakPeer[]): number {
    const groups = [...Map.groupBy(present, ({ relay }) => relay).values()];
    const counts = groups.map((peers) => new Set(peers.flatMap(({ interests }) => [...interests.keys()])).size);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * A side that stayed may be hung up on when its partner was lost: Deno's runtime resets a connection on which a frame
   * crosses the relay's close, and a spliced connection cannot be closed in the middle of a frame.
   */
  readonly #hungUp: Side[] = [];

  /** The first meeting or message that is still missing. */
  #unsettled(): string | undefined {
    for (const [documentId, interested] of this.#interests()) {
      for (const peer of interested) {
        const others = interested.filter((other) => other !== peer);
        const missing = others.find((other) => !hasMet(peer, other, documentId));
        if (missing !== undefined) return `${peer.id} has not met ${missing.id} about ${documentId}`;
      }
    }
    const hole = this.#hungUp.find(({ partner }) => partner?.isLive);
    if (hole !== undefined) return `side ${hole.partner?.serial} stayed, although side ${hole.serial} was hung up on`;
    const waiting = this.peers.flatMap(({ sides }) => sides).find((side) => side.isPaired && !side.isDelivered);
    return waiting && `side ${waiting.serial} was not heard out`;
  }

  #interests(): Map<string, SoakPeer[]> {
    const interests = this.peers.flatMap((peer) =>
      [...peer.interests.keys()].map((documentId) => ({ peer, documentId }))
    );
    const grouped = Map.groupBy(interests, ({ documentId }) => documentId);
    return new Map(grouped.entries().map(([id, entries]) => [id, entries.map(({ peer }) => peer)]));
  }

  async #until(problem: () => Promise<string | undefined> | string | undefined, seconds: number): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    for (let open = await problem(); open !== undefined; open = await problem()) {
      this.check();
      if (performance.now() > deadline) throw new Error(`Cannot pass the soak: after ${seconds} s ${open}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const EMPTY: Counts = {
  connections: 0,
  streams: 0,
  peers: 0,
  documents: 0,
  seekers: 0,
  pairs: 0,
  remotePairs: 0,
  bufferedBytes: 0,
};

/** Everybody shares a document with two others, every second one with two more. */
function documentsOf(index: number): string[] {
  const first = `doc-${Math.floor(index / PEERS_PER_DOCUMENT)}`;
  const half = Math.floor(index / 2);
  return index % 2 === 0 ? [first, `shared-${Math.floor(half / PEERS_PER_DOCUMENT)}`] : [first];
}

/** Spread evenly, so that all kinds meet each other. */
function dialectOf(index: number, streams: number): Dialect {
  const isStreaming = Math.floor((index + 1) * streams) > Math.floor(index * streams);
  return isStreaming ? "streams" : DIALECTS[index % DIALECTS.length];
}

function hasMet(peer: SoakPeer, other: SoakPeer, documentId: string): boolean {
  const side = peer.sideFor(other.id, documentId);
  return side !== undefined && side.isPaired && other.sideFor(peer.id, documentId) === side.partner;
}

function differences(expected: Partial<Counts>, counts: Counts): string | undefined {
  const names = Object.keys(expected) as (keyof Counts)[];
  const wrong = names.filter((name) => expected[name] !== counts[name]);
  if (wrong.length === 0) return;
  return `the relay counts ${wrong.map((name) => `${counts[name]} ${name}, want ${expected[name]}`).join("; ")}`;
}
