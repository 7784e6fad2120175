/**
 * What `on()` of a peer socket takes.
 *
 * @module
 */

/** Throws a `TypeError` for anything else. @param isEmitter The socket has events of its own besides. */
export function checkListener(event: unknown, listener: unknown, isEmitter = false): void {
  if (typeof listener !== "function") {
    throw new TypeError(`Cannot listen to a peer socket: want a function, got ${typeof listener}`);
  }
  if (isEmitter || event === "data" || event === "close") return;
  throw new TypeError(`Cannot listen to a peer socket: want "data" or "close", got ${JSON.stringify(event)}`);
}
