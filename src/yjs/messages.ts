/**
 * What the peers of a room say to each other about a document.
 *
 * Alice and Bob each begin with `ask`. Whoever is asked answers with all that the other lacks, and from then on tells it
 * every update. Awareness is told along with the first answer, and at every change. Whoever has become synced says so, once,
 * behind all that it had to tell.
 *
 * The first byte of a message is its kind. The rest is encoded by Yjs, in its format V1, and by y-protocols.
 *
 * @module
 */

import { modifyAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";

/** The kinds of messages. The first three are those of the sync protocol of y-protocols. */
export const KIND = {
  /** A state vector: what I have. Tell me the rest. */
  ask: 0,
  /** An update with all that whoever asked lacks. */
  answer: 1,
  /** An update with what is new. */
  update: 2,
  /** States of awareness. */
  awareness: 3,
  /** I am synced. Without a body. */
  synced: 4,
} as const;

/** One of {@link KIND}. */
export type Kind = typeof KIND[keyof typeof KIND];

/** A message, taken apart. */
export interface Message {
  readonly kind: Kind;
  readonly body: Uint8Array;
}

/** How to read a body to its end, only to see whether that is possible. */
const READERS: Record<Kind, (body: Uint8Array) => unknown> = {
  [KIND.ask]: Y.decodeStateVector,
  [KIND.answer]: Y.decodeUpdate,
  [KIND.update]: Y.decodeUpdate,
  [KIND.awareness]: (body) => modifyAwarenessUpdate(body, (state) => state),
  [KIND.synced]: wantEmpty,
};

/** Makes a message of its parts. */
export function encode({ kind, body }: Message): Uint8Array {
  const message = new Uint8Array(1 + body.byteLength);
  message[0] = kind;
  message.set(body, 1);
  return message;
}

/** Takes a message apart. Its body is still untrusted. Throws an `Error` for a kind there is not. */
export function decode(message: Uint8Array): Message {
  const kind = message[0];
  if (kind in READERS) return { kind: kind as Kind, body: message.subarray(1) };
  throw new Error(`Cannot read a message: want a kind from 0 to ${KIND.synced}, got ${kind}`);
}

/** Whether a message that could not be followed was to blame for that. */
export function isMalformed(message: Uint8Array): boolean {
  try {
    const { kind, body } = decode(message);
    READERS[kind](body);
    return false;
  } catch {
    return true;
  }
}

function wantEmpty({ byteLength }: Uint8Array): void {
  if (byteLength > 0) throw new Error(`Cannot read a message: want no body, got ${byteLength} bytes`);
}
