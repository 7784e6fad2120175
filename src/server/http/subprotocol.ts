/**
 * The subprotocol of a socket. The relay speaks none, but browsers and other clients hang up on a server that chooses
 * none of those that they ask for.
 *
 * @module
 */

import type { RequestHead } from "../core/request_head.ts";

/** A token of RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The first one that the client asks for, as the ancestor chose it; undefined if there is none, or it is no token. */
export function chosenSubprotocol({ headers }: RequestHead): string | undefined {
  const first = headers.get("sec-websocket-protocol")?.split(",")[0].trim() ?? "";
  return TOKEN.test(first) ? first : undefined;
}
