/**
 * Catches exceptions that would end the process.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { Logger } from "./log.ts";

/** A socket that can be closed when its handler throws. */
interface Failing {
  fail(close: Close): void;
}

/**
 * Wraps a handler so that it cannot throw: an exception is logged, and closes the socket with 1011. Two arguments
 * suffice for every handler, and a spread would cost every message.
 */
export function guard<One = void, Other = void>(
  socket: Failing,
  log: Logger,
  handle: (one: One, other: Other) => void,
): (one: One, other: Other) => void {
  return (one, other) => {
    try {
      handle(one, other);
    } catch (error) {
      failed(socket, log, error);
    }
  };
}

/** What becomes of a socket whose handler has thrown. */
export function failed(socket: Failing, log: Logger, error: unknown): void {
  log.error("a socket's handler failed: {error}", { error });
  socket.fail(CLOSE.relayFailed);
}

/** Whether an uncaught error is the reset of a connection that the relay has dropped already. */
export function isLateReset(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as { code?: string; syscall?: string };
  return code === "ECONNRESET" && syscall === "read";
}
