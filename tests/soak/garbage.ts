/** What no honest client sends. */

import { Buffer } from "node:buffer";
import { CLIENT_GOLDEN } from "../helpers/golden.ts";
import { frameOf, handshake } from "../helpers/raw.ts";
import type { Chance } from "./chance.ts";
import { OPCODE } from "./wire_socket.ts";

/** A message on an introduction socket. */
export interface Malformed {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

const NO_MESSAGES = [
  { opcode: OPCODE.binary, payload: Uint8Array.of(0xc0) },
  { opcode: OPCODE.binary, payload: new Uint8Array() },
  { opcode: OPCODE.binary, payload: Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff) },
  { opcode: OPCODE.binary, payload: new Uint8Array(50_000).fill(0x91) },
  { opcode: OPCODE.text, payload: Buffer.from('{"type":"Leave"}') },
  { opcode: OPCODE.text, payload: Buffer.from('{"type":"Join","join":[null]}') },
  { opcode: OPCODE.text, payload: Buffer.from("[".repeat(50_000)) },
];

const BROKEN_FRAMES = [
  frameOf(OPCODE.text, Uint8Array.of(0xff)),
  frameOf(3, new Uint8Array()),
  frameOf(OPCODE.text, new Uint8Array(), { first: 0xf1 }),
  frameOf(OPCODE.ping, new Uint8Array(200)),
  frameOf(0, new Uint8Array(1)),
  frameOf(OPCODE.close, Uint8Array.of(1)),
  frameOf(OPCODE.close, Uint8Array.of(0x03, 0xee)),
  Uint8Array.of(0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
];

const BROKEN_REQUESTS = [
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
  "POST /introduction/x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
  handshake("/introduction/%zz"),
  handshake("/connection/x/x/doc"),
  handshake("/introduction/x").slice(0, 70),
  "\0".repeat(1000),
];

/** A message that says nothing, or a real one of which half is missing. */
export function malformedMessage(chance: Chance): Malformed {
  const at = chance.below(NO_MESSAGES.length + 1);
  if (at < NO_MESSAGES.length) return NO_MESSAGES[at];
  const { frame } = chance.pick(CLIENT_GOLDEN);
  const payload = Buffer.from(frame as string);
  return { opcode: OPCODE.binary, payload: payload.subarray(0, payload.length / 2) };
}

/** A frame that RFC 6455 forbids. */
export function brokenFrame(chance: Chance): Uint8Array {
  return chance.pick(BROKEN_FRAMES);
}

/**
 * A request that never becomes a socket. None is a handshake that is reset: on the default transport each of those costs a
 * descriptor, which `tests/attacks` shows.
 */
export function brokenRequest(chance: Chance): string {
  return chance.pick(BROKEN_REQUESTS);
}
