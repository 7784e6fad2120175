/**
 * Where exceptions end that would end the process.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { Logger } from "./log.ts";

/** Something that can be closed by its transport. */
interface Failing {
  fail(close: Close): void;
}

/**
 * Makes a handler that cannot throw: a failure is logged, and closes the socket with 1011. No handler has more than two
 * arguments, and to spread them would cost every message.
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
      log.error("a socket's handler failed: {error}", { error });
      socket.fail(CLOSE.relayFailed);
    }
  };
}

/** Whether an uncaught error is a connection's that everybody has dropped and the other side then has reset. */
export function isLateReset(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as { code?: string; syscall?: string };
  return code === "ECONNRESET" && syscall === "read";
}
