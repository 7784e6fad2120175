/**
 * The messages between inboxes of instances as bytes: from one side of a pair to the other, or JSON.
 *
 *     DATA    type u8, flags u8, handle u32, sequence u32, payload     a message, or a part of one
 *     SPLICE  the same, with six counts and a tail u32 in between      frames as bytes, where both sides splice
 *     CLOSE   the same, with code u16 and reason                       behind everything that was sent
 *     PROBE   the same, with the sender's own handle u32               are you there, and have you received all?
 *     ACK     type u8, flags u8, handle u32, received f64, taken f64   bytes since the start
 *     RESET   type u8, flags u8, handle u32                            something was lost
 *     JSON    type u8, text
 *
 * `handle` is the receiver's name for its side of the pair. Numbers are big-endian.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Close } from "../../protocol.ts";
import type { SpliceContents } from "../transport/transport.ts";

const TYPE = { data: 1, splice: 2, close: 3, probe: 4, ack: 5, reset: 6, json: 7 } as const;

const HEADER_BYTES = 6;
const SEQUENCED_BYTES = HEADER_BYTES + 4;
const COUNTS = ["messages", "emptyFrames", "text", "binary", "textBytes", "binaryBytes"] as const;
const TAIL_AT = SEQUENCED_BYTES + COUNTS.length * 4;
const SPLICE_BYTES = TAIL_AT + 4;
/** The tail of a splice in which no frame ends. */
const NO_END = 0xffffffff;
const IS_TEXT = 1;
const HAS_MORE = 2;

/** Bytes that any of these messages has at most beside its payload. */
export const WIRE_OVERHEAD = SPLICE_BYTES;

type Bytes = Uint8Array<ArrayBuffer>;

/** From one side of a pair to the other. */
export type LinkMessage =
  | { type: "data"; handle: number; sequence: number; isText: boolean; hasMore: boolean; payload: Bytes }
  | {
    type: "splice";
    handle: number;
    sequence: number;
    tail: number;
    contents: SpliceContents;
    payload: Bytes;
  }
  | { type: "close"; handle: number; sequence: number; close: Close }
  | { type: "probe"; handle: number; sequence: number; from: number }
  | { type: "ack"; handle: number; received: number; taken: number }
  | { type: "reset"; handle: number };

/** Any message for an inbox. JSON is untrusted. */
export type InboxMessage = LinkMessage | { type: "json"; value: unknown };

/** Encodes a message with one allocation: messages are large, or many. */
export function encode(message: LinkMessage): Bytes {
  switch (message.type) {
    case "data":
      return payloaded(message, (message.isText ? IS_TEXT : 0) | (message.hasMore ? HAS_MORE : 0), SEQUENCED_BYTES);
    case "splice": {
      const bytes = payloaded(message, 0, SPLICE_BYTES);
      COUNTS.forEach((name, i) => bytes.writeUInt32BE(message.contents[name], SEQUENCED_BYTES + i * 4));
      bytes.writeUInt32BE(Math.min(message.tail, NO_END), TAIL_AT);
      return bytes;
    }
    case "close": {
      const reason = Buffer.from(message.close.reason);
      const bytes = sequenced(message, 0, SEQUENCED_BYTES + 2 + reason.byteLength);
      bytes.writeUInt16BE(message.close.code, SEQUENCED_BYTES);
      bytes.set(reason, SEQUENCED_BYTES + 2);
      return bytes;
    }
    case "probe": {
      const bytes = sequenced(message, 0, SEQUENCED_BYTES + 4);
      bytes.writeUInt32BE(message.from, SEQUENCED_BYTES);
      return bytes;
    }
    case "ack": {
      const bytes = headed(message, 0, HEADER_BYTES + 16);
      bytes.writeDoubleBE(message.received, HEADER_BYTES);
      bytes.writeDoubleBE(message.taken, HEADER_BYTES + 8);
      return bytes;
    }
    case "reset":
      return headed(message, 0, HEADER_BYTES);
  }
}

/** Encodes JSON. */
export function encodeJson(value: unknown): Bytes {
  const text = new TextEncoder().encode(JSON.stringify(value));
  return Buffer.concat([Uint8Array.of(TYPE.json), text]);
}

/** Decodes a message; undefined when it is none. Payloads share the memory of `bytes`. */
export function decode(bytes: Bytes): InboxMessage | undefined {
  if (bytes[0] === TYPE.json) return decodeJson(bytes.subarray(1));
  if (bytes.byteLength < HEADER_BYTES) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const handle = view.getUint32(2);
  if (bytes[0] === TYPE.reset) return { type: "reset", handle };
  if (bytes[0] === TYPE.ack) return decodeAck(view, handle);
  return bytes.byteLength < SEQUENCED_BYTES ? undefined : decodeSequenced(bytes, view, handle);
}

function decodeSequenced(bytes: Bytes, view: DataView, handle: number): LinkMessage | undefined {
  const sequence = view.getUint32(HEADER_BYTES);
  const has = (flag: number) => (bytes[1] & flag) !== 0;
  const payload = bytes.subarray(SEQUENCED_BYTES);
  switch (bytes[0]) {
    case TYPE.data:
      return { type: "data", handle, sequence, isText: has(IS_TEXT), hasMore: has(HAS_MORE), payload };
    case TYPE.splice: {
      if (bytes.byteLength < SPLICE_BYTES) return;
      const tail = view.getUint32(TAIL_AT);
      return {
        type: "splice",
        handle,
        sequence,
        tail: tail === NO_END ? Infinity : tail,
        contents: readCounts(view),
        payload: bytes.subarray(SPLICE_BYTES),
      };
    }
    case TYPE.close: {
      if (payload.byteLength < 2) return;
      const close = { code: view.getUint16(SEQUENCED_BYTES), reason: new TextDecoder().decode(payload.subarray(2)) };
      return { type: "close", handle, sequence, close };
    }
    case TYPE.probe:
      if (payload.byteLength < 4) return;
      return { type: "probe", handle, sequence, from: view.getUint32(SEQUENCED_BYTES) };
  }
}

function decodeAck(view: DataView, handle: number): LinkMessage | undefined {
  if (view.byteLength < HEADER_BYTES + 16) return;
  const [received, taken] = [view.getFloat64(HEADER_BYTES), view.getFloat64(HEADER_BYTES + 8)];
  return isByteCount(received) && isByteCount(taken) ? { type: "ack", handle, received, taken } : undefined;
}

/** Anything else, above all NaN, would spoil every sum that it is added to. */
function isByteCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function decodeJson(bytes: Bytes): InboxMessage | undefined {
  try {
    return { type: "json", value: JSON.parse(new TextDecoder().decode(bytes)) };
  } catch {
    return;
  }
}

function readCounts(view: DataView): SpliceContents {
  const entries = COUNTS.map((name, i) => [name, view.getUint32(SEQUENCED_BYTES + i * 4)]);
  return Object.fromEntries(entries) as unknown as SpliceContents;
}

function headed({ type, handle }: LinkMessage, flags: number, size: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = TYPE[type];
  bytes[1] = flags;
  bytes.writeUInt32BE(handle, 2);
  return bytes;
}

function sequenced(message: LinkMessage & { sequence: number }, flags: number, size: number): Buffer<ArrayBuffer> {
  const bytes = headed(message, flags, size);
  bytes.writeUInt32BE(message.sequence, HEADER_BYTES);
  return bytes;
}

/** With the payload behind `at`. */
function payloaded(
  message: LinkMessage & { sequence: number; payload: Bytes },
  flags: number,
  at: number,
): Buffer<ArrayBuffer> {
  const bytes = sequenced(message, flags, at + message.payload.byteLength);
  bytes.set(message.payload, at);
  return bytes;
}
