/**
 * How each generation of clients spells the introduction messages.
 *
 * The dialect is told by the frame: text is JSON, binary that starts with `{` is JSON too (2.x), other binary is
 * MessagePack (4.x). Decoding is total: any frame gives a message or a named reason, never an exception.
 *
 * @module
 */

import { type ClientMessage, idProblem, type Introduction, WIRE_LIMITS } from "../../protocol.ts";
import { packIntroduction, unpack } from "./messagepack.ts";
import { asBytes, type Message, messageBytes } from "../core/message.ts";

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
  if (messageBytes(frame) > WIRE_LIMITS.introductionBytes) return { reason: "too big" };
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
  if (dialect === "msgpack") return packIntroduction(introduction);
  const { type, userName, documentIds } = introduction;
  return JSON.stringify({ type, userName, documentIds });
}

function dialectOf(frame: Message): Dialect {
  const OPENING_BRACE = 0x7b;
  return typeof frame === "string" || asBytes(frame)[0] === OPENING_BRACE ? "json" : "msgpack";
}

function parseJson(frame: Message): unknown {
  return JSON.parse(typeof frame === "string" ? frame : new TextDecoder("utf-8", { fatal: true }).decode(frame));
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
