/**
 * The subprotocol of a socket. The relay speaks none, but browsers and others hang up on a server that chooses none of
 * those that they ask for.
 *
 * @module
 */

/** A token of RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The first one asked for, as the ancestor chose it; undefined if none is, or it is no name. */
export function chosenSubprotocol({ headers }: Request): string | undefined {
  const first = headers.get("sec-websocket-protocol")?.split(",")[0].trim() ?? "";
  return TOKEN.test(first) ? first : undefined;
}
