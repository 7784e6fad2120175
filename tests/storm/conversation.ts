/**
 * A pair from its beginning to its end, and what must be true of it then.
 *
 * @module
 */

import { CLOSE, connectionPath } from "../../src/protocol.ts";
import type { Target } from "../helpers/raw.ts";
import type { Variant } from "../helpers/transports.ts";
import type { Chance } from "../soak/chance.ts";
import { Line } from "./line.ts";
import type { Load, Material } from "./messages.ts";
import type { Pace } from "../helpers/pace.ts";
import { within } from "../helpers/process.ts";
import { bothHalves, type Half, PATIENCE_SECONDS } from "./halves.ts";
import { introduced, type Introduction } from "./introduction.ts";
import { Side } from "./side.ts";
import { type Departure, FAREWELL } from "./socket.ts";

/** Where and how a pair talks, or a meeting does. */
export interface ConversationOptions {
  /** Of several instances, any: each side, and each socket, asks for itself. */
  readonly target: () => Target;
  readonly transport: Variant["transport"];
  /** Of the pair, the meeting, or the document: no other has it. */
  readonly serial: number;
  readonly material: Material;
  readonly chance: Chance;
  readonly pace: Pace;
  /** One direction of so many is bulk; 0: none. */
  readonly bulk: number;
  /** Whether the storm is over. */
  readonly isLate: () => boolean;
}

/** What became of a pair. */
export interface Told {
  /** Who left, and how. */
  readonly departure: string;
  readonly messages: number;
  readonly bytes: number;
  /** The partner heard a hang-up where it should have heard a code. Only on `deno`. */
  readonly isHungUp: boolean;
}

const MIB = 1024 * 1024;

/**
 * Bytes under way in one direction. On `tcp` more than the relay and the kernels take, so that readers that stop are felt
 * by their senders; on `deno`, which cannot pause anybody, less than what ends a pair.
 */
export const WINDOW_BYTES = { deno: 2 * MIB, tcp: 16 * MIB };
/** How often a side leaves in which way. */
export const DEPARTURES: Record<Departure | "both", number> = {
  "close": 4,
  "close in a message": 2,
  "FIN": 4,
  "FIN in a frame": 3,
  "RST": 3,
  "RST in a frame": 2,
  "both": 2,
};
/** One direction of so many has small messages alone. */
const CHATTERS = 3;
/** One pair of so many is introduced first. */
const INTRODUCED = 3;
/** Writes of messages before that, at most. */
const LONGEST = 25;

/** One departure of so many waits until all is heard. */
const SETTLES = 3;

export function loadOf({ chance, bulk }: ConversationOptions): Load {
  if (bulk > 0 && chance.below(bulk) === 0) return "bulk";
  return chance.below(CHATTERS) === 0 ? "chatter" : "usual";
}

/** A reader that is slow since it has bulk to read is not left with all of it: who closes waits for an answer only so long. */
export function settles({ load }: Line, chance: Chance): boolean {
  return load === "bulk" || chance.below(SETTLES) === 0;
}

/** Lets a pair talk until one side leaves, or both do. Throws at what must not be. */
export async function converse(options: ConversationOptions): Promise<Told> {
  const { target, serial, material, chance, pace, isLate, transport } = options;
  const departure = chance.weighted(DEPARTURES);
  const [a, b] = [`a${serial}`, `b${serial}`];
  const isIntroduced = chance.below(INTRODUCED) === 0;
  // Who joins it hears of all who do.
  const documentId = isIntroduced ? `storm of ${a}` : "storm";
  const lines = [`${a} to ${b}`, `${b} to ${a}`].map((name) =>
    new Line(name, WINDOW_BYTES[transport], loadOf(options))
  );
  const isBoth = departure === "both";
  const leaver = chance.below(2);
  const came: Side[] = [];
  const open = async (side: 0 | 1, met: Promise<unknown>) => {
    const how = isBoth ? chance.pick<Departure>(["close", "FIN", "RST", "RST in a frame"]) : departure;
    const leaves = isBoth || side === leaver;
    return came[side] = await Side.open({
      target: target(),
      path: side === 0 ? connectionPath(a, b, documentId) : connectionPath(b, a, documentId),
      ...{ speaks: lines[side], hears: lines[1 - side], material, pace, chance: chance.branch() },
      met,
      isLeft: () => false,
      isAwaited: () => came[1 - side]?.isStarved === true,
      departure: leaves
        ? { how, after: chance.below(LONGEST), settles: settles(lines[side], chance), isLate }
        : undefined,
    });
  };
  const introductions = isIntroduced ? await introduceBoth(options, documentId, [a, b]) : [];
  const sides = await bothHalves(open, { name: `pair ${serial} (${departure})`, lines, chance });
  await Promise.all(introductions.map((introduction) => introduction.leave()));
  const name = `pair ${serial} (${departure})`;
  const isHungUp = departure !== "both" && check({ name, departure }, sides[1 - leaver], lines[leaver], transport);
  const [messages, bytes] = [lines[0].heard + lines[1].heard, lines[0].bytes + lines[1].bytes];
  return { departure, messages, bytes, isHungUp };
}

/** As clients do before they connect: both join the document, and hear of each other. */
function introduceBoth(
  options: ConversationOptions,
  documentId: string,
  [a, b]: readonly [string, string],
): Promise<Introduction[]> {
  const both = [{ id: a, userName: b }, { id: b, userName: a }].map(({ id, userName }) =>
    introduced({ ...options, id, opening: { userName, documentId }, chance: options.chance.branch() })
  );
  return within(Promise.all(both), `pair ${options.serial} to be introduced`, PATIENCE_SECONDS);
}

/**
 * What was whole before an end was delivered, and the end was told; whoever resets takes it upon itself that some is lost.
 * On `deno` a partner that speaks meanwhile may be hung up on: it hears of the loss, and not of its extent.
 */
function check(
  { name, departure }: { name: string; departure: Departure },
  partner: Half,
  line: Line,
  transport: Variant["transport"],
): boolean {
  const isHungUp = partner.code === undefined;
  const isReset = departure.startsWith("RST");
  // Half a frame leaves no place for a close.
  const mayHangUp = isReset || departure.endsWith("frame") || transport === "deno";
  const code = departure.startsWith("close") ? FAREWELL : CLOSE.peerLost.code;
  if (isHungUp ? !mayHangUp : partner.code !== code) {
    throw new Error(`${name}: want the partner to hear ${code}, got ${partner.code}`);
  }
  const isPrefix = isReset || (isHungUp && transport === "deno");
  if (isPrefix ? line.heard > line.said + 1 : line.heard !== line.said) {
    throw new Error(`${name}: want ${line.said} whole messages, got ${line.heard}`);
  }
  return isHungUp && !isReset && !departure.endsWith("frame");
}
