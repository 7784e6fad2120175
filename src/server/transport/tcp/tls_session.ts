/**
 * Node's TLS, as a server, without the queues of its socket: what it decrypts is passed on at once, and what it encrypts
 * comes straight from the caller.
 *
 * @module
 */

import { type SecureContext, TLSSocket } from "node:tls";
import type { Ciphertext } from "./ciphertext.ts";

/** Says that what is written is bytes. */
const NO_ENCODING = "buffer" as BufferEncoding;

/** The session of one connection. */
export class TlsSession extends TLSSocket {
  readonly #decrypted: (bytes: Uint8Array) => void;

  constructor(ciphertext: Ciphertext, secureContext: SecureContext, decrypted: (bytes: Uint8Array) => void) {
    super(ciphertext, { isServer: true, secureContext });
    this.#decrypted = decrypted;
    this.resume();
  }

  override push(bytes: Uint8Array | null): boolean {
    if (bytes === null) return super.push(null);
    this.#decrypted(bytes);
    return true;
  }

  /** One call at a time; `done` when Node's TLS takes more. */
  encrypt(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this._write(bytes, NO_ENCODING, done);
  }
}
