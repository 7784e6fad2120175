/**
 * The JSON messages between instances, and their checks: what comes from the bus is untrusted.
 *
 * @module
 */

import { idProblem } from "../../protocol.ts";
import { decode } from "./codec.ts";

/** When a connection came: milliseconds since 1970, and something random, so that of any two one is newer. */
export type Arrival = readonly [ms: number, random: string];

/** A peer with the number of its latest join at its instance, and of its sockets there that are interested. */
export type MemberEntry = readonly [peerId: string, join: number, sockets: number];

/** The fields of each message, by kind. */
const SHAPES = {
  /** To all instances with a connection of this pair: one is here. */
  offer: { pair: isSubject, instance: isName, arrival: isArrival, side: isSide, waits: isBoolean },
  /** From side 0 to side 1, which came at `arrival`: I wait for you alone. `handle` is my name for you. */
  accept: { pair: isSubject, arrival: isArrival, handle: isUint32, splices: isBoolean },
  /** The answer: we are linked. `handle` is from the accept, `answer` is my name for you. */
  ok: { handle: isUint32, answer: isUint32, splices: isBoolean },
  /** The other answer: that connection is not pending any more. */
  gone: { handle: isUint32 },
  /** To all instances with peers interested in a document: these are here. `asks`: answer with yours. */
  members: { instance: isName, birth: isName, members: isMembers, asks: isBoolean },
  /** The answer. */
  here: { document: isSubject, birth: isName, members: isMembers },
  /**
   * To all instances with peers interested in a document: a connection from `seeker` to `counterpart` is pending at
   * `instance`.
   */
  waits: { instance: isName, seeker: isId, counterpart: isId },
  /** The answer, about side `side`: the peer of the other side is interested here; or, if not, that of side `side`. */
  interested: { pair: isSubject, side: isSide, isOther: isBoolean },
} as const satisfies Record<string, Record<string, (value: unknown) => boolean>>;

type Kind = keyof typeof SHAPES;
type Guarded<Guard> = Guard extends (value: unknown) => value is infer Value ? Value : never;

/** One kind of message. */
export type MessageOf<K extends Kind> =
  & { kind: K }
  & { [Field in keyof typeof SHAPES[K]]: Guarded<typeof SHAPES[K][Field]> };

/** Any of them. */
export type ControlMessage = { [K in Kind]: MessageOf<K> }[Kind];

/** Reads a message of a subject that several instances subscribe to. */
export function readMessage(data: Uint8Array<ArrayBuffer>): ControlMessage | undefined {
  const message = decode(data);
  return message?.type === "json" ? toMessage(message.value) : undefined;
}

/** A message, if it is one. */
export function toMessage(value: unknown): ControlMessage | undefined {
  if (!isRecord(value) || typeof value.kind !== "string" || !Object.hasOwn(SHAPES, value.kind)) return;
  const shape: Record<string, (value: unknown) => boolean> = SHAPES[value.kind as Kind];
  const isWhole = Object.entries(shape).every(([field, isRight]) => isRight(value[field]));
  return isWhole ? value as ControlMessage : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The name of an instance, which becomes a part of a subject, or of a process. */
function isName(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{1,64}$/.test(value);
}

function isSubject(value: unknown): value is string {
  return typeof value === "string" && /^relay1\.(doc|pair)\.[\w-]{22}$/.test(value);
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isId(value: unknown): value is string {
  return idProblem(value) === undefined;
}

function isSide(value: unknown): value is 0 | 1 {
  return value === 0 || value === 1;
}

function isUint32(value: unknown): value is number {
  return Number.isInteger(value) && value as number >= 0 && value as number < 2 ** 32;
}

function isArrival(value: unknown): value is Arrival {
  return Array.isArray(value) && value.length === 2 && Number.isFinite(value[0]) && value[0] >= 0 && isName(value[1]);
}

function isMembers(value: unknown): value is readonly MemberEntry[] {
  return Array.isArray(value) && value.every(isMember);
}

function isMember(value: unknown): value is MemberEntry {
  return Array.isArray(value) && value.length === 3 && isId(value[0]) && isCount(value[1]) && isCount(value[2]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 1;
}
