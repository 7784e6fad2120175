/**
 * Two peers with a socket of streams each, in several conversations at once, with each other and with sockets: some end,
 * and others begin, while the rest go on.
 *
 * @module
 */

import type { Chance } from "../soak/chance.ts";
import type { ConversationOptions, Told } from "./conversation.ts";
import { converseInStreams } from "./stream_conversation.ts";
import { StreamPeer } from "./stream_peer.ts";

/** At once. */
const CONVERSATIONS = 6;
/** One conversation of so many is with a socket. */
const WITH_SOCKET = 3;

/** Lets two peers meet until it is late. Throws at what must not be. */
export async function meet(options: ConversationOptions): Promise<Told[]> {
  const { serial, chance, isLate } = options;
  const peers = ["x", "y"].map((name) =>
    new StreamPeer({ ...options, id: `${name}${serial}`, chance: chance.branch() })
  );
  const told: Told[] = [];
  let begun = 0;
  const talk = async (chance: Chance) => {
    while (!isLate()) {
      const number = begun++;
      const partners = chance.below(WITH_SOCKET) === 0 ? [chance.pick(peers), { id: `z${serial}.${number}` }] : peers;
      const one = { ...options, chance, serial: number, peers: chance.shuffled<StreamPeer | { id: string }>(partners) };
      told.push(await converseInStreams(one));
    }
  };
  await Promise.all(Array.from({ length: CONVERSATIONS }, () => talk(chance.branch())));
  await Promise.all(peers.map((peer) => peer.leave()));
  return told;
}
