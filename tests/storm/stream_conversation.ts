/**
 * A conversation in which at least one side is a stream, from its beginning to its end, and what must be true of it then.
 *
 * @module
 */

import { CLOSE, connectionPath } from "../../src/protocol.ts";
import type { Variant } from "../helpers/transports.ts";
import { type ConversationOptions, loadOf, settles, type Told, WINDOW_BYTES } from "./conversation.ts";
import { within } from "../helpers/process.ts";
import { bothHalves, type Half, PATIENCE_SECONDS } from "./halves.ts";
import { introduced, Introduction } from "./introduction.ts";
import { Line } from "./line.ts";
import { Side } from "./side.ts";
import { type Departure, FAREWELL } from "./socket.ts";
import { type OpenStream, StreamPeer } from "./stream_peer.ts";
import type { StreamDeparture } from "./stream_side.ts";
import { StreamSocket } from "./stream_socket.ts";

/** Who talks, where and how. */
export interface StreamConversationOptions extends ConversationOptions {
  /** Who is no peer with streams has a socket for the conversation alone. */
  readonly peers: readonly (StreamPeer | SocketPeer)[];
}

/** A peer with a socket for each conversation. */
export interface SocketPeer {
  readonly id: string;
}

/** One side, and what it did at last. */
interface Party extends Half {
  readonly isStream: boolean;
  /** Its own end; undefined as long as it goes on. */
  readonly left: Leaving | undefined;
  /** Its end is on its way, or waits only until all is heard. */
  readonly isLeaving: boolean;
  /** It waits for credit, or until its socket takes more. */
  readonly isStarved: boolean;
}

/** How a side left. */
interface Leaving {
  readonly how: string;
  /** It said so: its partner hears its own code. */
  readonly isClose: boolean;
  /** Some of what it said may be lost with its socket. */
  readonly isReset: boolean;
}

/** How often who leaves: the first, the second, or both. */
const LEAVERS = { first: 3, second: 3, both: 1 };
const STREAM_DEPARTURES: Record<StreamDeparture, number> = { "close": 2, "close in a message": 1 };
const DEPARTURES: Record<Departure, number> = {
  "close": 3,
  "close in a message": 1,
  "FIN": 2,
  "FIN in a frame": 2,
  "RST": 1,
  "RST in a frame": 1,
};
/** One conversation of so many begins with introductions. */
const INTRODUCED = 2;
/** Messages, or writes of a socket, before that, at most. */
const LONGEST = { stream: 50, socket: 25 };

/** Lets two talk until one leaves, or its socket does. Throws at what must not be. */
export async function converseInStreams(options: StreamConversationOptions): Promise<Told> {
  const { serial, transport, peers } = options;
  const [a, b] = peers.map(({ id }) => id);
  const name = `conversation ${serial} of ${a},${b}`;
  const lines = [`${a} to ${b}`, `${b} to ${a}`].map((way, i) => lineOf(peers[i], `${way} about ${serial}`, options));
  const parties = await talk(options, name, lines);
  const [messages, bytes] = [lines[0].heard + lines[1].heard, lines[0].bytes + lines[1].bytes];
  try {
    return { ...check(parties, lines, transport), messages, bytes };
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`);
  }
}

/** Introduces the two, or not, and returns them when both are over. */
async function talk(options: StreamConversationOptions, name: string, lines: readonly Line[]) {
  const { serial, chance } = options;
  const leaver = chance.weighted(LEAVERS);
  const isIntroduced = chance.below(INTRODUCED) === 0;
  // Who joins it hears of all who do.
  const documentId = isIntroduced ? name : `storm ${serial}`;
  const introductions = isIntroduced ? await introduceBoth(options, documentId) : [];
  const came: Party[] = [];
  const open = async (side: 0 | 1, met: Promise<unknown>) => {
    const leaves = leaver === "both" || leaver === (side === 0 ? "first" : "second");
    const isLeft = () => leaver !== "both" && came[1 - side]?.isLeaving === true;
    const isAwaited = () => came[1 - side]?.isStarved === true;
    const party = { side, documentId, lines, met, leaves, isLeft, isAwaited, introduction: introductions[side] };
    return came[side] = await openParty(options, party);
  };
  const parties = await bothHalves(open, { name, lines, chance });
  for (const introduction of introductions) if (introduction instanceof Introduction) await introduction.leave();
  return parties;
}

/** Credit bounds what a stream has under way; a socket that the relay cannot pause has to bound that itself. */
function lineOf(peer: StreamPeer | SocketPeer, name: string, options: ConversationOptions): Line {
  return new Line(name, peer instanceof StreamPeer ? Infinity : WINDOW_BYTES[options.transport], loadOf(options));
}

/** Which side, and whether it has a plan to leave. */
interface PartyOptions {
  readonly side: 0 | 1;
  readonly documentId: string;
  readonly lines: readonly Line[];
  readonly met: Promise<unknown>;
  readonly leaves: boolean;
  readonly isLeft: () => boolean;
  readonly isAwaited: () => boolean;
  /** Where it was introduced to its partner, if it was. */
  readonly introduction: Introduction | StreamSocket | undefined;
}

async function openParty(
  { peers, target, material, pace, isLate, ...options }: StreamConversationOptions,
  { side, documentId, lines, met, leaves, isLeft, isAwaited, introduction }: PartyOptions,
): Promise<Party> {
  const chance = options.chance.branch();
  const [me, partner] = [peers[side], peers[1 - side]];
  const common = { speaks: lines[side], hears: lines[1 - side], material, chance, met };
  const plan = <How extends string>(weights: Record<How, number>, longest: number) =>
    leaves
      ? { how: chance.weighted(weights), after: chance.below(longest), settles: settles(lines[side], chance), isLate }
      : undefined;
  const opening = { userName: partner.id, documentId };
  if (me instanceof StreamPeer) {
    const departure = plan(STREAM_DEPARTURES, LONGEST.stream);
    const joined = introduction instanceof StreamSocket ? introduction : undefined;
    return partyOf(await me.open({ ...common, opening, departure, isNeeded: () => isLeft() || isAwaited() }, joined));
  }
  const path = connectionPath(me.id, partner.id, opening.documentId);
  return socketParty(
    await Side.open({
      ...common,
      isLeft,
      isAwaited,
      target: target(),
      pace,
      path,
      departure: plan(DEPARTURES, LONGEST.socket),
    }),
  );
}

/** As clients do before they connect: both join the document, and hear of each other. */
async function introduceBoth({ peers, ...options }: StreamConversationOptions, documentId: string) {
  const introduce = async (side: number) => {
    const [me, partner] = [peers[side], peers[1 - side]];
    const opening = { userName: partner.id, documentId };
    return me instanceof StreamPeer
      ? await me.introduce(opening)
      : await introduced({ ...options, id: me.id, opening });
  };
  const what = `${peers.map(({ id }) => id)} to be introduced about ${documentId}`;
  return await within(Promise.all([introduce(0), introduce(1)]), what, PATIENCE_SECONDS);
}

/** A stream, which leaves by itself or with its socket. */
function partyOf({ stream, socket }: OpenStream): Party {
  return {
    isStream: true,
    opened: stream.opened,
    over: stream.over,
    get code() {
      return stream.code;
    },
    get isLeaving() {
      return stream.isClosing || stream.isSettling || socket.left !== undefined;
    },
    get isStarved() {
      return stream.isStarved;
    },
    get left() {
      const isReset = socket.left?.startsWith("RST") ?? false;
      if (stream.hasClosed) return { how: "stream: close", isClose: true, isReset };
      return socket.left === undefined ? undefined : { how: `streams: ${socket.left}`, isClose: false, isReset };
    },
  };
}

function socketParty(side: Side): Party {
  return {
    isStream: false,
    opened: side.opened,
    over: side.over,
    get code() {
      return side.code;
    },
    get isLeaving() {
      return side.isSettling || side.left !== undefined;
    },
    get isStarved() {
      return side.isStarved;
    },
    get left() {
      const how = side.left;
      if (how === undefined) return undefined;
      return { how: `partner: ${how}`, isClose: how.startsWith("close"), isReset: how.startsWith("RST") };
    },
  };
}

/** What was whole before an end was delivered, and the end was told. */
function check(
  parties: readonly [Party, Party],
  lines: readonly Line[],
  transport: Variant["transport"],
): Pick<Told, "departure" | "isHungUp"> {
  const left = parties.map((party) => party.left);
  if (left[0] !== undefined && left[1] !== undefined) return { departure: "streams: both", isHungUp: false };
  const leaver = left[0] === undefined ? 1 : 0;
  const [leaving, partner, line] = [left[leaver], parties[1 - leaver], lines[leaver]];
  if (leaving === undefined) throw new Error(`want one to leave, got ${parties.map(({ code }) => code)}`);
  const isHungUp = partner.code === undefined;
  checkCode(leaving, partner, transport);
  checkAmount(line, { ...leaving, isHungUp });
  return { departure: leaving.how, isHungUp };
}

/** The partner of a stream is hung up on only where the runtime does so: there are no halves of frames. */
function checkCode({ how, isClose, isReset }: Leaving, { isStream, code }: Party, transport: Variant["transport"]) {
  const codes: (number | undefined)[] = [isClose ? FAREWELL : CLOSE.peerLost.code];
  if (isReset) codes.push(CLOSE.peerLost.code);
  if (!isStream && transport === "deno") codes.push(undefined);
  if (!codes.includes(code)) throw new Error(`${how}: want the partner to hear ${codes}, got ${code}`);
}

function checkAmount({ heard, said }: Line, { how, isReset, isHungUp }: Leaving & { readonly isHungUp: boolean }) {
  const isPrefix = isReset || isHungUp;
  if (isPrefix ? heard > said + 1 : heard !== said) {
    throw new Error(`${how}: want ${said} whole messages, got ${heard}`);
  }
}
