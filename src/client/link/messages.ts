/**
 * The client's side of the introduction messages.
 *
 * @module
 */

import {
  type Heartbeat,
  type Introduction,
  type Join,
  type Leave,
  segmentProblem,
  utf8Length,
  WIRE_LIMITS,
} from "../../protocol.ts";

const ENVELOPE_BYTES = 64; // a message without any document, rounded up

export const HEARTBEAT = JSON.stringify({ type: "Heartbeat" } satisfies Heartbeat);

/** Documents to say the same of. */
export interface Order {
  readonly type: "Join" | "Leave";
  readonly documentIds: Iterable<string>;
}

/**
 * Says a Join or Leave of any number of documents, in as few messages as the limits allow.
 *
 * @param isWelcome The relay speaks protocol 5. Others are told documents twice: those up to 3.6.2 know them as
 * `documentIds` only.
 */
export function* encode({ type, documentIds }: Order, isWelcome: boolean): Iterable<string> {
  for (const batch of batches(documentIds)) {
    const message: Join | Leave = type === "Join" ? { type, join: batch } : { type, leave: batch };
    yield JSON.stringify(isWelcome ? message : { ...message, documentIds: batch });
  }
}

/** Reads what the relay said. Throws a `TypeError` for anything but an introduction. */
export function decode(data: unknown): Introduction {
  const value = typeof data === "string" ? parse(data) : undefined;
  if (isIntroduction(value)) return value;
  const got = typeof data === "string" ? data.slice(0, 100) : Object.prototype.toString.call(data);
  throw new TypeError(`Cannot understand the relay: want an Introduction, got ${got}`);
}

function* batches(documentIds: Iterable<string>): Iterable<string[]> {
  let batch: string[] = [];
  let bytes = ENVELOPE_BYTES;
  for (const id of documentIds) {
    const cost = 2 * (utf8Length(JSON.stringify(id)) + 1);
    if (batch.length === WIRE_LIMITS.documentsPerPeer || bytes + cost > WIRE_LIMITS.introductionBytes) {
      yield batch;
      batch = [];
      bytes = ENVELOPE_BYTES;
    }
    batch.push(id);
    bytes += cost;
  }
  if (batch.length > 0) yield batch;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isIntroduction(value: unknown): value is Introduction {
  const { type, userName, documentIds } = (value ?? {}) as Partial<Introduction>;
  return type === "Introduction" && segmentProblem(userName) === undefined && Array.isArray(documentIds);
}
