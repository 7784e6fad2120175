/**
 * What an application is told when the relay does not let it join documents.
 *
 * @module
 */

import { WIRE_LIMITS } from "../protocol.ts";
import type { DocumentId } from "./events.ts";

/** As many documents as a sentence can name. */
const MOST_NAMED = 10;
const WANTED = new Map([
  ["forbidden", "want a token that names it"],
  ["expired", "want a token that is not over"],
  ["full", `want at most ${WIRE_LIMITS.documentsPerPeer} documents`],
]);

/** An `error` event: documents that were not joined, and why. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
  readonly documentIds: readonly DocumentId[];
  /** `forbidden`: the token does not name them; `expired`: the token is over; `full`: there are too many. */
  readonly reason: string;

  constructor(documentIds: readonly DocumentId[], reason: string) {
    const named = documentIds.slice(0, MOST_NAMED).map((id) => JSON.stringify(id)).join(", ");
    const others = documentIds.length > MOST_NAMED ? ` and ${documentIds.length - MOST_NAMED} others` : "";
    super(`Cannot join ${named}${others}: ${WANTED.get(reason) ?? "want what the relay allows"}, got "${reason}"`);
    this.documentIds = documentIds;
    this.reason = reason;
  }
}
