/**
 * A client's frames: a message in one or in several, with pings and pongs in between, each with a mask of its own.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Chance } from "../soak/chance.ts";
import type { Message } from "./messages.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
/** One message of so many has fragments, and as many places of these have a control frame. */
const FRAGMENTED = 4;
const MOST_FRAGMENTS = 5;
/** Of a control frame. */
const MOST_CONTROL_BYTES = 125;
/** Payloads begin here, where a word does, so that they are masked word by word. A header has 14 bytes at most. */
const MOST_HEADER_BYTES = 16;

/** The frames of one message. */
export function framesOf(message: Message, chance: Chance): Uint8Array[] {
  const count = chance.below(FRAGMENTED) === 0 ? 1 + chance.below(MOST_FRAGMENTS) : 1;
  const cuts = Array.from({ length: count - 1 }, () => chance.below(message.length + 1)).sort((a, b) => a - b);
  const frames: Uint8Array[] = [];
  [...cuts, message.length].forEach((end, i) => {
    if (i > 0 && chance.below(FRAGMENTED) === 0) frames.push(controlFrame(chance));
    const opcode = i > 0 ? OPCODE.continuation : message.isText ? OPCODE.text : OPCODE.binary;
    const first = i === cuts.length ? FIN | opcode : opcode;
    frames.push(
      frame(first, end - (cuts[i - 1] ?? 0), (target) => message.copyTo(target, cuts[i - 1] ?? 0, end), chance),
    );
  });
  return frames;
}

export function controlFrame(chance: Chance): Uint8Array {
  const payload = chance.bytes(chance.below(MOST_CONTROL_BYTES + 1));
  return frameOf(chance.pick([OPCODE.ping, OPCODE.pong]), payload, chance);
}

export function closeFrame(code: number, chance: Chance): Uint8Array {
  return frameOf(OPCODE.close, Uint8Array.of(code >> 8, code & 0xff), chance);
}

/** A whole frame with this payload. */
export function frameOf(opcode: number, payload: Uint8Array, chance: Chance): Uint8Array {
  return frame(FIN | opcode, payload.length, (target) => target.set(payload), chance);
}

function frame(first: number, length: number, fill: (target: Uint8Array) => void, chance: Chance): Uint8Array {
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const words = new Uint32Array(MOST_HEADER_BYTES / 4 + Math.ceil(length / 4));
  const bytes = Buffer.from(words.buffer, MOST_HEADER_BYTES - 6 - extended, 6 + extended + length);
  bytes[0] = first;
  bytes[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) bytes.writeUInt16BE(length, 2);
  if (extended === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  const key = chance.bytes(4);
  bytes.set(key, 2 + extended);
  fill(bytes.subarray(6 + extended));
  const [mask] = new Uint32Array(key.buffer);
  for (let i = MOST_HEADER_BYTES / 4; i < words.length; i++) words[i] ^= mask;
  return bytes;
}
