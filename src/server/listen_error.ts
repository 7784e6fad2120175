/**
 * What an operator can mend outside of the configuration.
 *
 * @module
 */

import type { OwnAddress } from "./core/own_address.ts";

/** An address that cannot be listened on. The message is one sentence; `cause` is what the runtime said. */
export class ListenError extends Error {
  override name = "ListenError";

  constructor({ host, port }: OwnAddress, cause: unknown) {
    const got = (cause as { code?: string }).code === "EADDRINUSE" ? "one in use" : (cause as Error).message;
    super(`Cannot listen on ${host}:${port}: want an address of this machine and a free port, got ${got}.`, { cause });
  }
}
