/**
 * What the relay counts. Plain numbers, so that counting costs nothing; `metrics.ts` and the page read them.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import { Part } from "../core/message.ts";
import { type Chunk, type Ending, Splice, type SpliceContents } from "../transport/transport.ts";

/** Frames and their bytes, of one type and direction. */
export interface Traffic {
  frames: number;
  bytes: number;
}

/** Kinds of sockets. */
export type SocketKind = "introduction" | "connection" | "stream";

/** Counts since the start. Labels are closed sets: no peer can choose one. */
export class Counters {
  readonly opened: Record<SocketKind, number> = { introduction: 0, connection: 0, stream: 0 };
  readonly refused = new Map<string, number>();
  readonly malformed = new Map<string, number>();
  /** By close code; {@link Counters.closed} says which. */
  readonly closes = new Map<string, number>();
  introductions = 0;
  connectionsHeld = 0;
  connectionsExpired = 0;
  pairsMade = 0;
  /** Messages and bytes to and from other instances. */
  readonly bus = { sent: { messages: 0, bytes: 0 }, received: { messages: 0, bytes: 0 } };
  /** Pairs over two instances that the relay lost, by reason. */
  readonly resets = new Map<string, number>();
  /** What peers sent on connection sockets. */
  readonly received = newTraffic();
  /** What the relay passed on. The rest came too late, or its connection stayed pending. */
  readonly delivered = newTraffic();

  /** Counts the end of a socket: by its code if the protocol has it, else as "other", or as "none" without a close. */
  closed({ code }: Ending): void {
    increment(this.closes, code === undefined ? "none" : isOfProtocol(code) ? String(code) : "other");
  }
}

/** Whether RFC 6455 or this protocol has the code. */
function isOfProtocol(code: number): boolean {
  return (code >= 1000 && code <= 1015) || Object.values(CLOSE).some((close) => close.code === code);
}

/** Adds one to a count. */
export function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Adds a chunk to the traffic of its type. */
export function addChunk(traffic: Record<"text" | "binary", Traffic>, chunk: Chunk, bytes: number): void {
  if (chunk instanceof Splice) return addSplice(traffic, chunk.contents);
  const isPart = chunk instanceof Part;
  const isText = isPart ? chunk.isText : typeof chunk === "string";
  const counts = isText ? traffic.text : traffic.binary;
  if (!isPart || chunk.begins) counts.frames += 1;
  counts.bytes += bytes;
}

function addSplice(traffic: Record<"text" | "binary", Traffic>, contents: SpliceContents): void {
  traffic.text.frames += contents.text;
  traffic.text.bytes += contents.textBytes;
  traffic.binary.frames += contents.binary;
  traffic.binary.bytes += contents.binaryBytes;
}

function newTraffic(): Record<"text" | "binary", Traffic> {
  return { text: { frames: 0, bytes: 0 }, binary: { frames: 0, bytes: 0 } };
}
