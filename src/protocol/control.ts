/**
 * What is said in one turn of the event loop, as one text frame: a JSON array of messages.
 *
 * @module
 */

import { idProblem, utf8Length } from "./ids.ts";
import type { Introduction, RelayMessage } from "./messages.ts";
import { segmentProblem } from "./paths.ts";

/** Puts messages, each as JSON, into as few frames as the bound allows. @param most Bytes of one frame. */
export function packMessages(texts: readonly string[], most: number): string[] {
  const frames: string[] = [];
  let batch: string[] = [];
  let bytes = 1; // the brackets, less the comma that the first message has not
  for (const text of texts) {
    const size = utf8Length(text) + 1;
    if (batch.length > 0 && bytes + size > most) {
      frames.push(`[${batch.join(",")}]`);
      [batch, bytes] = [[], 1];
    }
    batch.push(text);
    bytes += size;
  }
  if (batch.length > 0) frames.push(`[${batch.join(",")}]`);
  return frames;
}

/** The messages of a text frame, which are still untrusted: one alone, or an array. Throws a `TypeError` for other text. */
export function unpackMessages(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? value : [value];
  throw new TypeError(`Cannot read messages: want an array of JSON objects, got ${text.slice(0, 100)}`);
}

/** A message of the relay, or undefined for a type that is not known. Throws a `TypeError` when its fields are wrong. */
export function readRelayMessage(value: unknown): RelayMessage | undefined {
  const message = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const isWhole = typeof message.type === "string" && Object.hasOwn(CHECKS, message.type)
    ? CHECKS[message.type as RelayMessage["type"]](message)
    : undefined;
  if (isWhole === undefined) return undefined;
  if (isWhole) return value as RelayMessage;
  throw new TypeError(
    `Cannot understand the relay: want a ${message.type}, got ${JSON.stringify(value).slice(0, 100)}`,
  );
}

/** An introduction in messages that fit the bound, each as JSON. @param most Bytes of one message. */
export function* splitIntroduction({ userName, documentIds }: Introduction, most: number): Iterable<string> {
  const say = (ids: string[]) => JSON.stringify({ type: "Introduction", userName, documentIds: ids });
  let batch: string[] = [];
  const empty = utf8Length(say([]));
  let bytes = empty;
  for (const id of documentIds) {
    const size = utf8Length(JSON.stringify(id)) + 1;
    if (batch.length > 0 && bytes + size > most) {
      yield say(batch);
      [batch, bytes] = [[], empty];
    }
    batch.push(id);
    bytes += size;
  }
  if (batch.length > 0) yield say(batch);
}

type Fields = Record<string, unknown>;

/** Whether the fields are there that make a message of this type. */
const CHECKS: Record<RelayMessage["type"], (fields: Fields) => boolean> = {
  Welcome: ({ protocol, limits, heartbeatSeconds, expiresInSeconds = 0 }) => {
    const { messageBytes, documents, streams, windowBytes } = (limits ?? {}) as Fields;
    return [protocol, messageBytes, documents, streams, windowBytes, heartbeatSeconds, expiresInSeconds].every(
      isNumber,
    );
  },
  Heartbeat: () => true,
  Introduction: ({ userName, documentIds }) => segmentProblem(userName) === undefined && areIds(documentIds),
  Refusal: ({ join, reason }) => areIds(join) && typeof reason === "string",
  GoAway: ({ reconnectWithinSeconds }) => isNumber(reconnectWithinSeconds),
};

function isNumber(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

function areIds(list: unknown): boolean {
  return Array.isArray(list) && list.every((id) => idProblem(id) === undefined);
}
