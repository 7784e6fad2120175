/**
 * What two adapters say to each other, as bytes: first each greets the other, then come the messages of their repos.
 *
 *     4 bytes   length of the header, most significant byte first
 *     header    JSON: the message, with `true` in place of `data` if it has any
 *     rest      `data`
 *
 * @module
 */

import { misunderstood } from "../message_stream.ts";
import type { Message, PeerMetadata } from "./repo_types.ts";

const PREFIX_BYTES = 4;
/** Of this protocol. An adapter that greets with another one is not understood. */
const VERSION = 1;

type Header = Record<string, unknown>;

/** Says who we are. */
export function encodeGreeting(peerMetadata: PeerMetadata): Uint8Array {
  return pack({ type: "hello", version: VERSION, peerMetadata });
}

/** Reads the first thing that a peer said. Throws a `TypeError` for anything but a greeting. */
export function decodeGreeting(bytes: Uint8Array): PeerMetadata {
  const { type, version, peerMetadata } = unpack(bytes).header;
  if (type !== "hello" || version !== VERSION || !isMetadata(peerMetadata)) {
    throw misunderstood(`a greeting of version ${VERSION}`, `${type} ${version}`);
  }
  return peerMetadata;
}

/** Says what the repo says. */
export function encodeMessage({ data, ...header }: Message): Uint8Array {
  return pack(data === undefined ? header : { ...header, data: true }, data);
}

/** Reads what the other repo said. Throws a `TypeError` for anything else. */
export function decodeMessage(bytes: Uint8Array<ArrayBuffer>): Message {
  const { header: { data, ...message }, rest } = unpack(bytes);
  for (const field of ["type", "senderId", "targetId"]) requireText(message, field);
  if (message.documentId !== undefined) requireText(message, "documentId");
  // What repos that gossip about remote heads take for granted.
  if (message.type === "remote-subscription-change") ["add", "remove"].forEach((field) => checkTexts(message, field));
  if (message.type === "remote-heads-changed") checkHeads(message.newHeads);
  return (data === true ? { ...message, data: rest } : message) as unknown as Message;
}

function pack(header: object, data: Uint8Array = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(PREFIX_BYTES + text.byteLength + data.byteLength);
  new DataView(bytes.buffer).setUint32(0, text.byteLength);
  bytes.set(text, PREFIX_BYTES);
  bytes.set(data, PREFIX_BYTES + text.byteLength);
  return bytes;
}

function unpack(bytes: Uint8Array): { header: Header; rest: Uint8Array } {
  const end = PREFIX_BYTES + (bytes.byteLength < PREFIX_BYTES ? 0 : new DataView(bytes.buffer).getUint32(0));
  if (bytes.byteLength < end) throw misunderstood(`a header of ${end} bytes`, `${bytes.byteLength}`);
  const header = parse(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, end)));
  return { header, rest: bytes.subarray(end) };
}

function parse(text: string): Header {
  try {
    const header = JSON.parse(text);
    if (typeof header === "object" && header !== null) return header;
  } catch {
    // It is no JSON: the same as JSON of something else.
  }
  throw misunderstood("a header in JSON", text.slice(0, 100));
}

function isMetadata(value: unknown): value is PeerMetadata {
  if (typeof value !== "object" || value === null) return false;
  const { storageId, isEphemeral } = value as Partial<Record<keyof PeerMetadata, unknown>>;
  const isFlag = isEphemeral === undefined || typeof isEphemeral === "boolean";
  return isFlag && (storageId === undefined || typeof storageId === "string");
}

function checkTexts(message: Header, field: string): void {
  const { [field]: list = [] } = message;
  if (!isTexts(list)) throw misunderstood(`texts as ${field}`, typeof list);
}

function checkHeads(newHeads: unknown): void {
  const all = typeof newHeads === "object" && newHeads !== null ? Object.values(newHeads) : undefined;
  if (all?.every((heads) => isTexts(heads?.heads) && typeof heads.timestamp === "number")) return;
  throw misunderstood("heads and their timestamps as newHeads", typeof newHeads);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function requireText(message: Record<string, unknown>, field: string): void {
  if (typeof message[field] !== "string") throw misunderstood(`a text as ${field}`, typeof message[field]);
}
