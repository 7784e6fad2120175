/**
 * What the rooms count. Plain numbers, so that counting costs nothing; `metrics.ts` and the page read them.
 *
 * @module
 */

import { CLOSE } from "../../protocol.ts";
import { Part } from "../core/message.ts";
import { type Ending, type Frame, Splice, type SpliceContents } from "../transport/transport.ts";

/** Frames and their bytes, of one type and direction. */
export interface Traffic {
  frames: number;
  bytes: number;
}

/** Kinds of sockets. */
export type SocketKind = "introduction" | "connection" | "stream";

/** Counts since the start. Labels are closed sets: nothing that a peer chooses becomes one. */
export class Counters {
  readonly opened: Record<SocketKind, number> = { introduction: 0, connection: 0, stream: 0 };
  readonly refused = new Map<string, number>();
  readonly malformed = new Map<string, number>();
  /** By close code; {@link Counters.closed} says which. */
  readonly closes = new Map<string, number>();
  introductions = 0;
  seekersHeld = 0;
  seekersExpired = 0;
  pairsMade = 0;
  /** What crossed to and from other instances. */
  readonly bus = { sent: { messages: 0, bytes: 0 }, received: { messages: 0, bytes: 0 } };
  /** Pairs over two instances that were closed although neither side wanted it. */
  readonly resets = new Map<string, number>();
  /** What peers sent on connection sockets. */
  readonly received = newTraffic();
  /** What was passed on: the rest was held in vain or came too late. */
  readonly delivered = newTraffic();

  /** A socket is gone: counted by its code if that is of the protocol, else as "other", or as "none" without a close. */
  closed({ code }: Ending): void {
    increment(this.closes, code === undefined ? "none" : isOfProtocol(code) ? String(code) : "other");
  }
}

/** A code of RFC 6455, or one of ours. */
function isOfProtocol(code: number): boolean {
  return (code >= 1000 && code <= 1015) || Object.values(CLOSE).some((close) => close.code === code);
}

/** Adds one to a count. */
export function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Adds a frame to its type's traffic. */
export function addFrame(traffic: Record<"text" | "binary", Traffic>, frame: Frame, bytes: number): void {
  if (frame instanceof Splice) return addSplice(traffic, frame.contents);
  const isPart = frame instanceof Part;
  const isText = isPart ? frame.isText : typeof frame === "string";
  const counts = isText ? traffic.text : traffic.binary;
  if (!isPart || frame.begins) counts.frames += 1;
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
