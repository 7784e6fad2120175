/**
 * The subjects of the messages between instances. Permission for `relay1.>` suffices.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ConnectionKey } from "../../core/connection_key.ts";

/** A subject may not contain dots or spaces, nor be long, so ids are hashed: 22 characters are 132 bits. */
function hash(...parts: string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

/** Every instance with a peer that is interested in the document subscribes to it. */
export function documentSubject(documentId: string): string {
  return `relay1.doc.${hash("doc", documentId)}`;
}

/** Every instance with one side of this pair subscribes to it. `low` and `high` are the peers' ids in order. */
export function pairSubject(low: string, high: string, documentId: string): string {
  return `relay1.pair.${hash("pair", low, high, documentId)}`;
}

/** The subject of a pair, and on which side of it a connection is. */
export function placeOf({ localId, remoteId, documentId }: ConnectionKey): { pair: string; side: 0 | 1 } {
  return localId < remoteId
    ? { pair: pairSubject(localId, remoteId, documentId), side: 0 }
    : { pair: pairSubject(remoteId, localId, documentId), side: 1 };
}

/** Only this instance subscribes to it. */
export function inboxSubject(instance: string): string {
  return `relay1.in.${instance}`;
}

/** On it NATS tells `sender` that no instance is called `addressee` any more. */
export function returnSubject(sender: string, addressee: string): string {
  return `relay1.nr.${sender}.${addressee}`;
}

/** The sender and the addressee that a return subject names; undefined for another subject. */
export function readReturnSubject(subject: string): { sender: string; addressee: string } | undefined {
  const [, sender, addressee] = /^relay1\.nr\.([^.]+)\.([^.]+)$/.exec(subject) ?? [];
  return sender === undefined ? undefined : { sender, addressee };
}
