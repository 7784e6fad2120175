/**
 * What instances say to each other's inboxes, as bytes: one half of a pair to the other, or JSON.
 *
 *     DATA    type u8, flags u8, handle u32, sequence u32, payload     a message, or a part of one
 *     SPLICE  the same, with six counts u32 before the payload         frames as bytes, where both sides splice
 *     CLOSE   the same, with code u16 and reason                       behind everything that was sent
 *     PROBE   the same, with the sender's own handle u32               are you there, and have you heard all?
 *     ACK     type u8, flags u8, handle u32, received f64, taken f64   bytes since the start
 *     RESET   type u8, flags u8, handle u32                            something was lost
 *     JSON    type u8, text
 *
 * `handle` is the receiver's name for the half. Numbers are big-endian.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Close } from "../../protocol.ts";
import type { SpliceContents } from "../transport.ts";

const TYPE = { data: 1, splice: 2, close: 3, probe: 4, ack: 5, reset: 6, json: 7 } as const;

const HEADER_BYTES = 6;
const SEQUENCED_BYTES = HEADER_BYTES + 4;
const COUNTS = ["messages", "emptyFrames", "text", "binary", "textBytes", "binaryBytes"] as const;
const SPLICE_BYTES = SEQUENCED_BYTES + COUNTS.length * 4;
const IS_TEXT = 1;
const HAS_MORE = 2;
const ENDS_FRAME = 4;

/** Bytes that any of these messages has at most beside its payload. */
export const WIRE_OVERHEAD = SPLICE_BYTES;

type Bytes = Uint8Array<ArrayBuffer>;

/** From one half of a pair to the other. */
export type HalfMessage =
  | { type: "data"; handle: number; sequence: number; isText: boolean; hasMore: boolean; payload: Bytes }
  | {
    type: "splice";
    handle: number;
    sequence: number;
    endsFrame: boolean;
    contents: SpliceContents;
    payload: Bytes;
  }
  | { type: "close"; handle: number; sequence: number; close: Close }
  | { type: "probe"; handle: number; sequence: number; from: number }
  | { type: "ack"; handle: number; received: number; taken: number }
  | { type: "reset"; handle: number };

/** What an inbox takes. JSON is still untrusted. */
export type InboxMessage = HalfMessage | { type: "json"; value: unknown };

/** Spells a message. */
export function encode(message: HalfMessage): Bytes {
  switch (message.type) {
    case "data":
      return sequenced(message, (message.isText ? IS_TEXT : 0) | (message.hasMore ? HAS_MORE : 0), message.payload);
    case "splice":
      return sequenced(message, message.endsFrame ? ENDS_FRAME : 0, message.payload, spellCounts(message.contents));
    case "close":
      return sequenced(message, 0, new TextEncoder().encode(message.close.reason), words16(message.close.code));
    case "probe":
      return sequenced(message, 0, words32(message.from));
    case "ack":
      return headed(message, 0, doubles(message.received, message.taken));
    case "reset":
      return headed(message, 0);
  }
}

/** Spells JSON. */
export function encodeJson(value: unknown): Bytes {
  const text = new TextEncoder().encode(JSON.stringify(value));
  return Buffer.concat([Uint8Array.of(TYPE.json), text]);
}

/** Reads what came. Undefined for what is no message. Payloads share the memory of `bytes`. */
export function decode(bytes: Bytes): InboxMessage | undefined {
  if (bytes[0] === TYPE.json) return decodeJson(bytes.subarray(1));
  if (bytes.byteLength < HEADER_BYTES) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const handle = view.getUint32(2);
  if (bytes[0] === TYPE.reset) return { type: "reset", handle };
  if (bytes[0] === TYPE.ack) return decodeAck(view, handle);
  return bytes.byteLength < SEQUENCED_BYTES ? undefined : decodeSequenced(bytes, view, handle);
}

function decodeSequenced(bytes: Bytes, view: DataView, handle: number): HalfMessage | undefined {
  const sequence = view.getUint32(HEADER_BYTES);
  const has = (flag: number) => (bytes[1] & flag) !== 0;
  const payload = bytes.subarray(SEQUENCED_BYTES);
  switch (bytes[0]) {
    case TYPE.data:
      return { type: "data", handle, sequence, isText: has(IS_TEXT), hasMore: has(HAS_MORE), payload };
    case TYPE.splice: {
      if (bytes.byteLength < SPLICE_BYTES) return;
      const contents = readCounts(view);
      return {
        ...{ type: "splice", handle, sequence, endsFrame: has(ENDS_FRAME), contents },
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

function decodeAck(view: DataView, handle: number): HalfMessage | undefined {
  if (view.byteLength < HEADER_BYTES + 16) return;
  return {
    ...{ type: "ack", handle },
    received: view.getFloat64(HEADER_BYTES),
    taken: view.getFloat64(HEADER_BYTES + 8),
  };
}

function decodeJson(bytes: Bytes): InboxMessage | undefined {
  try {
    return { type: "json", value: JSON.parse(new TextDecoder().decode(bytes)) };
  } catch {
    return;
  }
}

function spellCounts(contents: SpliceContents): Bytes {
  return words32(...COUNTS.map((name) => contents[name]));
}

function readCounts(view: DataView): SpliceContents {
  const entries = COUNTS.map((name, i) => [name, view.getUint32(SEQUENCED_BYTES + i * 4)]);
  return Object.fromEntries(entries) as unknown as SpliceContents;
}

function headed({ type, handle }: HalfMessage, flags: number, ...parts: Uint8Array[]): Bytes {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint8(0, TYPE[type]);
  header.setUint8(1, flags);
  header.setUint32(2, handle);
  return Buffer.concat([new Uint8Array(header.buffer), ...parts]);
}

function sequenced(
  message: HalfMessage & { sequence: number },
  flags: number,
  payload: Uint8Array,
  before: Uint8Array = new Uint8Array(),
): Bytes {
  return headed(message, flags, words32(message.sequence), before, payload);
}

function words16(...values: number[]): Bytes {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  values.forEach((value, i) => view.setUint16(i * 2, value));
  return new Uint8Array(view.buffer);
}

function words32(...values: number[]): Bytes {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => view.setUint32(i * 4, value));
  return new Uint8Array(view.buffer);
}

function doubles(...values: number[]): Bytes {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, i) => view.setFloat64(i * 8, value));
  return new Uint8Array(view.buffer);
}
