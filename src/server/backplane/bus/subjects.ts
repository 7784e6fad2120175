/**
 * The names under which instances speak with each other. Permission for `relay1.>` suffices.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ConnectionKey } from "../../core/connection_key.ts";

/** What a subject may not hold (dots, spaces, anything long) is hashed: 22 characters are 132 bits. */
function hash(...parts: string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

/** Heard by every instance with a peer that is interested in the document. */
export function documentSubject(documentId: string): string {
  return `relay1.doc.${hash("doc", documentId)}`;
}

/** Heard by every instance with one side of this conversation. `low` and `high` are the peers' ids in order. */
export function pairSubject(low: string, high: string, documentId: string): string {
  return `relay1.pair.${hash("pair", low, high, documentId)}`;
}

/** The subject of a pair, and on which side of it a connection is. */
export function placeOf({ localId, remoteId, documentId }: ConnectionKey): { pair: string; side: 0 | 1 } {
  return localId < remoteId
    ? { pair: pairSubject(localId, remoteId, documentId), side: 0 }
    : { pair: pairSubject(remoteId, localId, documentId), side: 1 };
}

/** Heard by one instance. */
export function inboxSubject(instance: string): string {
  return `relay1.in.${instance}`;
}

/** Where `sender` hears that nobody is called `addressee` any more. */
export function returnSubject(sender: string, addressee: string): string {
  return `relay1.nr.${sender}.${addressee}`;
}

/** Who sent, and to whom, by the subject for returns; undefined for another subject. */
export function readReturnSubject(subject: string): { sender: string; addressee: string } | undefined {
  const [, sender, addressee] = /^relay1\.nr\.([^.]+)\.([^.]+)$/.exec(subject) ?? [];
  return sender === undefined ? undefined : { sender, addressee };
}
