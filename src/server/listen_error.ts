/**
 * The error for an address that cannot be listened on.
 *
 * @module
 */

import type { OwnAddress } from "./config/own_address.ts";

/** The relay cannot listen. The message is one sentence for the operator; `cause` is the error of the runtime. */
export class ListenError extends Error {
  override name = "ListenError";

  constructor({ host, port }: OwnAddress, cause: unknown) {
    const got = (cause as { code?: string }).code === "EADDRINUSE" ? "one in use" : (cause as Error).message;
    super(`Cannot listen on ${host}:${port}: want an address of this machine and a free port, got ${got}.`, { cause });
  }
}
