/**
 * What happens at random: each action, how often, and to whom.
 *
 * @module
 */

import { connect } from "node:net";
import { within } from "../helpers/process.ts";
import type { Chance } from "./chance.ts";
import { brokenFrame, brokenRequest, malformedMessage } from "./garbage.ts";
import type { SoakPeer } from "./soak_peer.ts";
import { anyMessage } from "./talk.ts";
import type { Departure } from "./wire_socket.ts";
import type { World } from "./world.ts";

type Action = (world: World, chance: Chance) => Promise<void> | void;

/** Messages said at once, perhaps to a partner whose socket is just gone: then they are held. */
const MESSAGES_AT_ONCE = 20;
/** Milliseconds between two sides of which the second is the newer on other instances, too: they look at the time of day. */
const APART_MS = 2;
const DEPARTURES: readonly Departure[] = ["close", "FIN", "RST"];

/** Parts of a thousand. Mostly talk, since that is what must not suffer from the rest. */
const WEIGHTS = {
  talk: 700,
  return: 90,
  dropConnection: 50,
  leave: 30,
  joinAgain: 30,
  vanish: 25,
  dropIntroduction: 15,
  supersede: 15,
  babble: 20,
  breakConnection: 10,
  breakIntroduction: 5,
  stranger: 10,
};

const ACTIONS: Record<keyof typeof WEIGHTS, Action> = {
  talk,
  return: (world, chance) => present(chance.pick(world.peers)),
  dropConnection: (world, chance) => sideOf(world, chance)?.drop(departure(chance)),
  leave: (world, chance) => {
    const peer = chance.pick(world.peers);
    const [how, documentId] = [departure(chance), chance.pick(peer.documents)];
    return peer.interests.has(documentId) ? peer.leave(documentId, how) : undefined;
  },
  joinAgain: (world, chance) => {
    const peer = chance.pick(world.peers);
    if (peer.isPresent) peer.join([chance.pick(peer.documents)]);
  },
  vanish: (world, chance) => chance.pick(world.peers).vanish(departure(chance)),
  dropIntroduction: (world, chance) => chance.pick(world.peers).dropLink(departure(chance)),
  supersede: async (world, chance) => {
    const peer = chance.pick(world.peers);
    const side = sideOf(world, chance, peer);
    await side?.opened.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, APART_MS));
    if (side?.isLive) peer.open(side.key.remoteId, side.key.documentId);
  },
  babble: (world, chance) => chance.pick(world.peers).babble(malformedMessage(chance)),
  breakConnection: async (world, chance) => {
    const [side, frame] = [sideOf(world, chance), brokenFrame(chance)];
    await side?.opened.catch(() => {});
    if (side?.isLive) side.corrupt(frame);
  },
  breakIntroduction: (world, chance) => chance.pick(world.peers).corruptLink(brokenFrame(chance)),
  stranger: (world, chance) => strange(world.relays.any().port, brokenRequest(chance)),
};

/** Does one thing and waits until it is done. Says which it was. */
export async function act(world: World, chance: Chance): Promise<string> {
  const name = chance.weighted(WEIGHTS);
  await within(Promise.resolve(ACTIONS[name](world, chance.branch())), `the action "${name}" to end`);
  return name;
}

async function talk(world: World, chance: Chance): Promise<void> {
  const side = sideOf(world, chance);
  if (!side?.isPaired) return;
  for (let left = 1 + chance.below(MESSAGES_AT_ONCE); left > 0; left--) side.say(anyMessage(chance));
  await side.delivered();
}

async function present(peer: SoakPeer): Promise<void> {
  await peer.arrive();
}

function sideOf(world: World, chance: Chance, peer: SoakPeer = chance.pick(world.peers)) {
  const at = chance.next();
  return peer.sides[Math.floor(at * peer.sides.length)];
}

function departure(chance: Chance): Departure {
  return chance.pick(DEPARTURES);
}

/** Sends what is no request, and leaves at the first answer, or when there is none at once. */
async function strange(port: number, request: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  socket.end(request);
  socket.resume();
  await new Promise((resolve) => socket.destroyed ? resolve(0) : socket.once("close", resolve));
}
