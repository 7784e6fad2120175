/**
 * Node's TLS, as a server, without the queues of its socket: what it decrypts is passed on at once, what it encrypts
 * comes straight from the caller, and it reads only when asked.
 *
 * @module
 */

import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";

/** Says that what is written is bytes. */
const NO_ENCODING = "buffer" as BufferEncoding;

/** What Node's sockets read with. */
interface Handle {
  /** That of the TCP beneath. On Deno to stop TLS alone stops nothing: TCP is read on, and all it brings is kept. */
  readonly _parent?: Handle;
  readStart(): number;
  readStop(): number;
}

/** Gets what happens to a session. */
export interface SessionListener {
  /** The bytes are the listener's own. */
  decrypted(bytes: Uint8Array<ArrayBuffer>): void;
  /** There is no more to read. @param error Unless the peer has ended its side. */
  ended(error?: Error): void;
}

/** The session of one connection. It begins to read with {@link TlsSession.startReading}. */
export class TlsSession extends TLSSocket {
  readonly #listener: SessionListener;
  readonly #handle: Handle;

  constructor(connection: Socket, secureContext: SecureContext, listener: SessionListener) {
    super(connection, { isServer: true, secureContext });
    this.#listener = listener;
    const { _handle } = this as unknown as { _handle: Handle };
    this.#handle = _handle._parent ?? _handle;
    const ended = (error?: Error) => listener.ended(error);
    // Of what breaks TLS after the handshake, `error` does not tell.
    this.on("error", ended).on("_tlsError", ended).on("close", () => ended());
    connection.on("error", ended);
    this.resume();
    this.stopReading();
  }

  startReading(): void {
    if (!this.destroyed) this.#handle.readStart();
  }

  stopReading(): void {
    if (!this.destroyed) this.#handle.readStop();
  }

  override push(bytes: Uint8Array<ArrayBuffer> | null): boolean {
    if (bytes !== null) this.#listener.decrypted(bytes);
    else this.#listener.ended();
    return bytes !== null || super.push(null);
  }

  /** One call at a time; `done` when the network has taken all. */
  encrypt(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this._write(bytes, NO_ENCODING, done);
  }
}
