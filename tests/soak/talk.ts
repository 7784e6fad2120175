/**
 * What peers say to each other. A message follows from who says it, when, and how long it is: so whoever hears it can tell
 * whether it is the right one, and only its size needs to be remembered.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Chance } from "./chance.ts";
import { OPCODE } from "./wire_socket.ts";

/** One message of a side, without its content. */
export interface Said {
  readonly opcode: number;
  /** About how many bytes. */
  readonly size: number;
}

/** On and around every border of the frame header, besides what applications send. */
const BORDERS = [0, 1, 125, 126, 127, 65_535, 65_536];
/** Two, three and four bytes a character, so that a cut in the wrong place shows. */
const TEXT_UNIT = "aü漢🎉";
const TEXT_UNIT_BYTES = Buffer.byteLength(TEXT_UNIT);
const NOISE_BYTES = 2 ** 19;
const NOISE = Buffer.from(Uint8Array.from({ length: NOISE_BYTES }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24));

/** The first thing that every side says: who it is. */
export function greetingOf(serial: number): Buffer {
  return Buffer.from(`side ${serial}`);
}

/** The serial in a greeting. */
export function greeterOf(payload: Buffer): number | undefined {
  const serial = /^side (\d+)$/.exec(payload.toString("latin1", 0, 32))?.[1];
  return serial === undefined ? undefined : Number(serial);
}

/** Mostly short, often on a border, seldom large. */
export function anyMessage(chance: Chance): Said {
  const opcode = chance.pick([OPCODE.text, OPCODE.binary]);
  const kind = chance.weighted({ short: 70, border: 20, medium: 9, large: 1 });
  if (kind === "border") return { opcode, size: chance.pick(BORDERS) };
  return { opcode, size: chance.below({ short: 200, medium: 20_000, large: 256 * 1024 }[kind]) };
}

/** The payload of the message number `index` of a side. */
export function payloadOf(serial: number, index: number, { opcode, size }: Said): Buffer {
  if (size === 0) return Buffer.alloc(0);
  if (opcode === OPCODE.text) {
    return Buffer.from(`${serial}:${index}:${TEXT_UNIT.repeat(Math.floor(size / TEXT_UNIT_BYTES))}`);
  }
  const start = (serial * 7_919 + index * 104_729) % (NOISE_BYTES - size);
  return NOISE.subarray(start, start + size);
}
