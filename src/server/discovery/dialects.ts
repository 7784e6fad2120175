/**
 * How each generation of clients spells the introduction messages.
 *
 * The dialect is told by the frame: text is JSON, binary that starts with `{` is JSON too (2.x), other binary is
 * MessagePack (4.x). Decoding is total: any frame gives a message or a named reason, never an exception.
 *
 * @module
 */

import { type ClientMessage, idProblem, type Introduction, WIRE_LIMITS } from "../../protocol.ts";
import { CrowdedError, packIntroduction, unpack } from "./messagepack.ts";
import { asBytes, type Message, messageBytes } from "../core/message.ts";

/** How a peer wants to be spoken to. */
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

/**
 * Values in one message: 10,000 documents, and some more that are not for us. 1 MiB of tiny ones would take 0.1 s to
 * read, as MessagePack 2 s.
 */
const MOST_VALUES = WIRE_LIMITS.documentsPerPeer + 2_000;

/** A message with its dialect, or why there is none. */
export type Decoded = { message: ClientMessage; dialect: Dialect } | { reason: MalformedReason };

/** Reads what a client said. Never throws. */
export function decode(frame: Message): Decoded {
  if (messageBytes(frame) > WIRE_LIMITS.introductionBytes) return { reason: "too big" };
  const dialect = dialectOf(frame);
  let value: unknown;
  try {
    value = dialect === "json" ? parseJson(frame) : unpack(asBytes(frame as Exclude<Message, string>), MOST_VALUES);
  } catch (error) {
    // Also a RangeError, when the nesting is deeper than the stack.
    const reason = dialect === "json" ? "not JSON" : "not MessagePack";
    return { reason: error instanceof CrowdedError ? "too many values" : reason };
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
  const text = typeof frame === "string" ? frame : new TextDecoder("utf-8", { fatal: true }).decode(frame);
  if (isCrowded(text)) throw new CrowdedError("Cannot read JSON: want fewer values");
  return JSON.parse(text);
}

/** Whether there are too many values in a text. Each begins with one of these marks, or follows one; most texts do both. */
function isCrowded(text: string): boolean {
  const most = MOST_VALUES * 2;
  if (text.length <= most) return false;
  const mark = /["[{,]/g;
  for (let seen = 0; mark.test(text); seen++) {
    if (seen >= most) return true;
    // Quotes within strings cost something, too, and an id may have some.
    if (text[mark.lastIndex - 1] === '"') seen += skipString(text, mark) / 8;
  }
  return false;
}

/** Goes behind the string in which `mark` is, and gives the quotes that were in it. */
function skipString(text: string, mark: RegExp): number {
  for (let quotes = 0;; quotes++) {
    const quote = text.indexOf('"', mark.lastIndex);
    mark.lastIndex = quote < 0 ? text.length : quote + 1;
    if (quote < 0 || quotes >= MOST_VALUES * 16 || !isEscaped(text, quote)) return quotes;
  }
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: string, at: number): boolean {
  const BACKSLASH = 0x5c;
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
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
