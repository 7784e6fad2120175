/**
 * Where sockets are.
 *
 * @module
 */

import { idProblem } from "./ids.ts";

/** Socket paths in `URLPattern` syntax. An empty segment matches, so that it can be refused with a reason. */
export const SOCKET_PATHS = {
  introduction: "/introduction/:localId([^/]*)",
  connection: "/connection/:localId([^/]*)/:remoteId([^/]*)/:documentId([^/]*)",
} as const;

/** The parameter of an introduction socket's query with which a client asks for a protocol: `?protocol=5`. */
export const PROTOCOL_PARAMETER = "protocol";

/** The path of a peer's introduction socket. Throws a `TypeError` for an id that no URL can carry. */
export function introductionPath(localId: string): string {
  return `/introduction/${encodeId(localId)}`;
}

/** The path of one side of a conversation. Throws a `TypeError` for an id that no URL can carry. */
export function connectionPath(localId: string, remoteId: string, documentId: string): string {
  return `/connection/${[localId, remoteId, documentId].map(encodeId).join("/")}`;
}

/** What is wrong with an id that is to be a segment of a path, as the rest of the sentence "want ...", or undefined. */
export function segmentProblem(id: unknown): string | undefined {
  return idProblem(id) ?? (id === "." || id === ".." ? "want no dot segment, which URLs drop" : undefined);
}

function encodeId(id: string): string {
  const problem = segmentProblem(id);
  if (problem !== undefined) throw new TypeError(`Cannot use ${JSON.stringify(id)} as an id: ${problem}`);
  return encodeURIComponent(id);
}
