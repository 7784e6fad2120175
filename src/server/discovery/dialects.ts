/**
 * How each generation of clients encodes the introduction messages.
 *
 * The frame shows the dialect: text is JSON, binary that starts with `{` is JSON too (2.x), other binary is
 * MessagePack (4.x). Decoding is total: any frame gives a message or a named reason, never an exception.
 *
 * @module
 */

import { type ClientMessage, idProblem, type Introduction, WIRE_LIMITS } from "../../protocol.ts";
import { CrowdedError, parseJson } from "../core/json.ts";
import { packIntroduction, unpack } from "./messagepack.ts";
import { asBytes, type Message, messageBytes } from "../core/message.ts";

/** How messages to a peer are encoded. */
export type Dialect = "json" | "msgpack";

/** Why a frame is not a message. */
export type MalformedReason =
  | "too big"
  | "too many values"
  | "not JSON"
  | "not MessagePack"
  | "not an object"
  | "unknown type"
  | "no list of documents"
  | "too many documents"
  | "bad document id";

/** Ids that are checked in one step. */
const STEP = 256;

/** A message with its dialect, or why there is none. */
export type Decoded = { message: ClientMessage; dialect: Dialect } | { reason: MalformedReason };

/** Decodes a message of a client. Never throws. */
export function decode(frame: Message): Decoded {
  const steps = decodeInSteps(frame);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same in steps of a few milliseconds at the most. */
export function* decodeInSteps(frame: Message): Generator<void, Decoded> {
  if (messageBytes(frame) > WIRE_LIMITS.introductionBytes) return { reason: "too big" };
  const dialect = dialectOf(frame);
  const parsed = parse(frame, dialect);
  if ("reason" in parsed) return parsed;
  const message = yield* toMessage(parsed.value);
  return typeof message === "string" ? { reason: message } : { message, dialect };
}

/** Encodes an introduction for one peer. */
export function encode(introduction: Introduction, dialect: Dialect): Message {
  if (dialect === "msgpack") return packIntroduction(introduction);
  const { type, userName, documentIds } = introduction;
  return JSON.stringify({ type, userName, documentIds });
}

function dialectOf(frame: Message): Dialect {
  const OPENING_BRACE = 0x7b;
  return typeof frame === "string" || asBytes(frame)[0] === OPENING_BRACE ? "json" : "msgpack";
}

function parse(frame: Message, dialect: Dialect): { value: unknown } | { reason: MalformedReason } {
  try {
    const bytes = () => asBytes(frame as Exclude<Message, string>);
    const most = WIRE_LIMITS.introductionValues;
    return { value: dialect === "json" ? parseJson(frame, most) : unpack(bytes(), most) };
  } catch (error) {
    if (error instanceof CrowdedError) return { reason: "too many values" };
    // Also a RangeError, when the nesting is deeper than the stack.
    return { reason: dialect === "json" ? "not JSON" : "not MessagePack" };
  }
}

/** A decoded value is still untrusted. */
function* toMessage(value: unknown): Generator<void, ClientMessage | MalformedReason> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not an object";
  switch (own(value, "type")) {
    case "Join": {
      const join = yield* documentIds(own(value, "join") ?? own(value, "documentIds"));
      return typeof join === "string" ? join : { type: "Join", join };
    }
    case "Leave": {
      const leave = yield* documentIds(own(value, "leave") ?? own(value, "documentIds"));
      return typeof leave === "string" ? leave : { type: "Leave", leave };
    }
    case "Heartbeat":
    case "❤️":
      return { type: "Heartbeat" };
    default:
      return "unknown type";
  }
}

/** Every id once. */
function* documentIds(list: unknown): Generator<void, string[] | MalformedReason> {
  if (!Array.isArray(list)) return "no list of documents";
  if (list.length > WIRE_LIMITS.documentsPerPeer) return "too many documents";
  const ids = new Set<string>();
  for (const [at, id] of list.entries()) {
    if (idProblem(id) !== undefined) return "bad document id";
    ids.add(id);
    if (at % STEP === STEP - 1) yield;
  }
  return [...ids];
}

/** MessagePack can set a prototype (key `__proto__`): an inherited value is not part of the message. */
function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
