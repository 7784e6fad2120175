/**
 * How each generation of clients spells the introduction messages.
 *
 * The dialect is told by the frame: text is JSON, binary that starts with `{` is JSON too (2.x), other binary is
 * MessagePack (4.x). Decoding is total: any frame gives a message or a named reason, never an exception.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { decode as unpack } from "@std/msgpack";
import { type ClientMessage, idProblem, type Introduction, WIRE_LIMITS } from "../protocol.ts";
import { byteLength, type Message } from "./transport.ts";

/** How a peer wants to be spoken to. */
export type Dialect = "json" | "msgpack";

/** Why a frame is not a message. */
export type MalformedReason =
  | "too big"
  | "not JSON"
  | "not MessagePack"
  | "not an object"
  | "unknown type"
  | "no list of documents"
  | "too many documents"
  | "bad document id";

/** A message with its dialect, or why there is none. */
export type Decoded = { message: ClientMessage; dialect: Dialect } | { reason: MalformedReason };

/** Reads what a client said. Never throws. */
export function decode(frame: Message): Decoded {
  if (byteLength(frame) > WIRE_LIMITS.introductionBytes) return { reason: "too big" };
  const dialect = dialectOf(frame);
  let value: unknown;
  try {
    value = dialect === "json" ? parseJson(frame) : unpack(asBytes(frame as Exclude<Message, string>));
  } catch {
    // Also a RangeError, when the nesting is deeper than the stack.
    return { reason: dialect === "json" ? "not JSON" : "not MessagePack" };
  }
  const message = toMessage(value);
  return typeof message === "string" ? { reason: message } : { message, dialect };
}

/** Spells an introduction for one peer. */
export function encode(introduction: Introduction, dialect: Dialect): Message {
  if (dialect === "msgpack") return pack(introduction);
  const { type, userName, documentIds } = introduction;
  return JSON.stringify({ type, userName, documentIds });
}

/** A MessagePack map of 3 with `"type": "Introduction"`, up to its key `"peerId"`. */
const PACKED_HEAD = Buffer.from("\x83\xa4type\xacIntroduction\xa6peerId", "latin1");
const PACKED_DOCUMENTS_KEY = Buffer.from("\xabdocumentIds", "latin1");

/** Written by hand, into one buffer: a general encoder makes a join of a popular document twice as slow. */
function pack({ userName, documentIds }: Introduction): Message {
  const packed = Buffer.allocUnsafe(
    PACKED_HEAD.byteLength + PACKED_DOCUMENTS_KEY.byteLength + packedBound(userName, documentIds),
  );
  let at = PACKED_HEAD.copy(packed);
  at = packString(packed, at, userName);
  at += PACKED_DOCUMENTS_KEY.copy(packed, at);
  // A 32-bit length (0xdd) holds for any list; 15 and fewer fit the type byte (0x90).
  at = documentIds.length < 16
    ? packed.writeUInt8(0x90 | documentIds.length, at)
    : packed.writeUInt32BE(documentIds.length, packed.writeUInt8(0xdd, at));
  for (const id of documentIds) at = packString(packed, at, id);
  return new Uint8Array(packed.buffer, packed.byteOffset, at);
}

/** Bytes that suffice: a UTF-16 unit takes at most 3, a string's length 3, a list's length 5. */
function packedBound(userName: string, documentIds: readonly string[]): number {
  return documentIds.reduce((bytes, id) => bytes + 3 + id.length * 3, 8 + userName.length * 3);
}

/** Ids have at most {@link WIRE_LIMITS.idBytes}, so that 16 bits of length suffice. */
function packString(packed: Buffer, at: number, text: string): number {
  const length = Buffer.byteLength(text);
  if (length < 32) at = packed.writeUInt8(0xa0 | length, at);
  else if (length < 256) at = packed.writeUInt8(length, packed.writeUInt8(0xd9, at));
  else at = packed.writeUInt16BE(length, packed.writeUInt8(0xda, at));
  return at + packed.write(text, at);
}

function dialectOf(frame: Message): Dialect {
  const OPENING_BRACE = 0x7b;
  return typeof frame === "string" || asBytes(frame)[0] === OPENING_BRACE ? "json" : "msgpack";
}

function parseJson(frame: Message): unknown {
  return JSON.parse(typeof frame === "string" ? frame : new TextDecoder("utf-8", { fatal: true }).decode(frame));
}

function asBytes(frame: Exclude<Message, string>): Uint8Array {
  return frame instanceof Uint8Array ? frame : new Uint8Array(frame);
}

/** A decoded value is still untrusted. */
function toMessage(value: unknown): ClientMessage | MalformedReason {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not an object";
  switch (own(value, "type")) {
    case "Join": {
      const join = documentIds(own(value, "join") ?? own(value, "documentIds"));
      return typeof join === "string" ? join : { type: "Join", join };
    }
    case "Leave": {
      const leave = documentIds(own(value, "leave") ?? own(value, "documentIds"));
      return typeof leave === "string" ? leave : { type: "Leave", leave };
    }
    case "Heartbeat":
    case "❤️":
      return { type: "Heartbeat" };
    default:
      return "unknown type";
  }
}

function documentIds(list: unknown): string[] | MalformedReason {
  if (!Array.isArray(list)) return "no list of documents";
  if (list.length > WIRE_LIMITS.documentsPerPeer) return "too many documents";
  if (list.some((id) => idProblem(id) !== undefined)) return "bad document id";
  return [...new Set<string>(list)];
}

/** MessagePack can set a prototype (key `__proto__`), which must not speak for the message. */
function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
