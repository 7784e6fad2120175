/**
 * Encodes WebSocket frames as a server sends them: unmasked (RFC 6455).
 *
 * @module
 */

import type { Close } from "../../protocol.ts";
import type { Part } from "../core/message.ts";

/** The type of a frame: the low four bits of its first byte. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The bit of the last frame of a message. */
export const FINAL = 0x80;

/** Payload bytes that a control frame may have. */
export const CONTROL_BYTES = 125;

/** Bytes of the longest header. */
export const HEADER_BYTES = 10;

/** The code of a close without a body, for APIs only: it is never on the wire. */
export const NO_CODE = 1005;

const encoder = new TextEncoder();

/** Writes the header of a frame with this part of a message at an offset; gives the offset behind it. */
export function writeHeader(bytes: Uint8Array, at: number, { byteLength, isText, begins, ends }: Part): number {
  const opcode = !begins ? OPCODE.continuation : isText ? OPCODE.text : OPCODE.binary;
  const size = byteLength < 126 ? 2 : byteLength < 0x10000 ? 4 : HEADER_BYTES;
  bytes[at] = (ends ? FINAL : 0) | opcode;
  bytes[at + 1] = size === 2 ? byteLength : size === 4 ? 126 : 127;
  for (let i = 2, shift = 8 * (size - 3); i < size; i++, shift -= 8) {
    bytes[at + i] = Math.floor(byteLength / 2 ** shift);
  }
  return at + size;
}

/** A close frame. Throws a `RangeError` for a reason of more than 123 bytes. */
export function encodeClose({ code, reason }: Close): Uint8Array<ArrayBuffer> {
  if (code === NO_CODE) return encodeControl(OPCODE.close, new Uint8Array(0));
  const text = encoder.encode(reason);
  const body = new Uint8Array(2 + text.length);
  body.set([code >> 8, code & 0xff]);
  body.set(text, 2);
  return encodeControl(OPCODE.close, body);
}

/** A ping. Throws a `RangeError` for a payload of more than 125 bytes. */
export function encodePing(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeControl(OPCODE.ping, payload);
}

/** The answer to a ping with this payload. Throws a `RangeError` for one of more than 125 bytes. */
export function encodePong(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeControl(OPCODE.pong, payload);
}

function encodeControl(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > CONTROL_BYTES) {
    throw new RangeError(`Cannot encode a control frame: want at most ${CONTROL_BYTES} bytes, got ${payload.length}`);
  }
  const frame = new Uint8Array(2 + payload.length);
  frame.set([FINAL | opcode, payload.length]);
  frame.set(payload, 2);
  return frame;
}

/** Where the payload of an unmasked frame begins. @param at Where the frame does. */
export function payloadStart(bytes: Uint8Array, at: number): number {
  const short = bytes[at + 1] & 0x7f;
  return at + (short < 126 ? 2 : short === 126 ? 4 : 10);
}

/** Bytes of the payload of a frame. @param at Where the frame begins. */
export function payloadLength(bytes: Uint8Array, at: number): number {
  const short = bytes[at + 1] & 0x7f;
  if (short < 126) return short;
  if (short === 126) return bytes[at + 2] << 8 | bytes[at + 3];
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at + 2));
}
