/**
 * Encodes WebSocket frames as a server sends them: unmasked (RFC 6455).
 *
 * @module
 */

import type { Close } from "../../protocol.ts";
import { asBytes, type Message, messageBytes, type Part } from "../core/message.ts";

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

/** A whole message in one frame. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const length = messageBytes(message);
  if (typeof message !== "string") return encode(OPCODE.binary, asBytes(message));
  const frame = framed(OPCODE.text, length);
  encoder.encodeInto(message, frame.subarray(frame.length - length));
  return frame;
}

/** Writes the header of a frame with this part of a message at an offset; gives the offset behind it. */
export function writeHeader(bytes: Uint8Array, at: number, { byteLength, isText, begins, ends }: Part): number {
  const opcode = !begins ? OPCODE.continuation : isText ? OPCODE.text : OPCODE.binary;
  return writeStart(bytes, at, { first: (ends ? FINAL : 0) | opcode, length: byteLength });
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
  if (payload.length <= CONTROL_BYTES) return encode(opcode, payload);
  throw new RangeError(`Cannot encode a control frame: want at most ${CONTROL_BYTES} bytes, got ${payload.length}`);
}

function encode(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = framed(opcode, payload.length);
  frame.set(payload, frame.length - payload.length);
  return frame;
}

/** A frame with its header, and room for its payload. */
function framed(opcode: number, length: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(headerLength(length) + length);
  writeStart(frame, 0, { first: FINAL | opcode, length });
  return frame;
}

function headerLength(length: number): number {
  return length < 126 ? 2 : length < 0x10000 ? 4 : HEADER_BYTES;
}

/** Writes the first byte and the length; gives the offset behind them. */
function writeStart(bytes: Uint8Array, at: number, { first, length }: { first: number; length: number }): number {
  const size = headerLength(length);
  bytes[at] = first;
  bytes[at + 1] = size === 2 ? length : size === 4 ? 126 : 127;
  for (let i = 2, shift = 8 * (size - 3); i < size; i++, shift -= 8) bytes[at + i] = Math.floor(length / 2 ** shift);
  return at + size;
}

/** The payload length of a frame, and where its payload begins. */
export function lengthOf(bytes: Uint8Array, at: number): { length: number; from: number } {
  const short = bytes[at] & 0x7f;
  if (short < 126) return { length: short, from: at + 1 };
  if (short === 126) return { length: bytes[at + 1] << 8 | bytes[at + 2], from: at + 3 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { length: Number(view.getBigUint64(at + 1)), from: at + 9 };
}
