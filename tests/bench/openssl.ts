/**
 * The few calls of OpenSSL with which the load generator speaks TLS, as a client that trusts everybody.
 *
 * Deno's own TLS would cost the generator more than the relay that it measures: see `libc.ts`.
 *
 * @module
 */

import { type Libc, NOTHING_YET } from "./libc.ts";

const SET_MODE = 33;
/** A write ends with the kernel's buffer, and is tried again from wherever its bytes are then. */
const PARTIAL_WRITE = 1n;
const MOVING_BUFFER = 2n;
const WANTS_READ = 2;
const WANTS_WRITE = 3;
/** Bytes of the largest record of TLS, which is what one read gives. */
const RECORD_BYTES = 16 * 1024;

function open() {
  return Deno.dlopen("libssl.so.3", {
    TLS_client_method: { parameters: [], result: "pointer" },
    SSL_CTX_new: { parameters: ["pointer"], result: "pointer" },
    SSL_CTX_free: { parameters: ["pointer"], result: "void" },
    SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
    SSL_new: { parameters: ["pointer"], result: "pointer" },
    SSL_free: { parameters: ["pointer"], result: "void" },
    SSL_set_fd: { parameters: ["pointer", "i32"], result: "i32" },
    SSL_set_connect_state: { parameters: ["pointer"], result: "void" },
    SSL_read: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
    SSL_write: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
    SSL_pending: { parameters: ["pointer"], result: "i32" },
    SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
    /** Of `libcrypto`, which comes with it: an old error would be taken for that of the next call. */
    ERR_clear_error: { parameters: [], result: "void" },
  });
}

/** TLS on connected sockets, with the calls that {@link Libc} has for those without. A handshake begins with a write. */
export class OpenSsl implements Disposable {
  readonly #library = open();
  readonly #c = this.#library.symbols;
  readonly #context = this.#c.SSL_CTX_new(this.#c.TLS_client_method());
  readonly #libc: Libc;
  readonly #sessions = new Map<number, Deno.PointerValue>();
  readonly #scratch = new Uint8Array(RECORD_BYTES);

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#c.SSL_CTX_ctrl(this.#context, SET_MODE, PARTIAL_WRITE | MOVING_BUFFER, null);
  }

  read(fd: number, into: Uint8Array<ArrayBuffer>): number {
    const session = this.#session(fd);
    this.#c.ERR_clear_error();
    const count = this.#c.SSL_read(session, into, into.length);
    return count > 0 ? count : this.#waits(session, count) ? NOTHING_YET : -1;
  }

  discard(fd: number, atMost: number): number {
    let [total, count] = [0, 0];
    do {
      count = this.read(fd, this.#scratch);
      total += Math.max(0, count);
    } while (count === RECORD_BYTES && total < atMost);
    return total > 0 ? total : count;
  }

  /** Bytes that were decrypted and not read yet: for them the kernel says nothing more. */
  pending(fd: number): number {
    return this.#c.SSL_pending(this.#session(fd));
  }

  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    const session = this.#session(fd);
    let written = 0;
    while (written < bytes.length) {
      this.#c.ERR_clear_error();
      const count = this.#c.SSL_write(session, bytes.subarray(written), bytes.length - written);
      if (count <= 0) return written > 0 || this.#waits(session, count) ? written : -1;
      written += count;
    }
    return written;
  }

  close(fd: number): void {
    this.#c.SSL_free(this.#session(fd));
    this.#sessions.delete(fd);
    this.#libc.close(fd);
  }

  [Symbol.dispose](): void {
    this.#c.SSL_CTX_free(this.#context);
    this.#library.close();
  }

  #session(fd: number): Deno.PointerValue {
    return this.#sessions.get(fd) ?? this.#begin(fd);
  }

  #begin(fd: number): Deno.PointerValue {
    const session = this.#c.SSL_new(this.#context);
    this.#libc.neverBlock(fd);
    this.#c.SSL_set_fd(session, fd);
    this.#c.SSL_set_connect_state(session);
    this.#sessions.set(fd, session);
    return session;
  }

  #waits(session: Deno.PointerValue, result: number): boolean {
    const reason = this.#c.SSL_get_error(session, result);
    return reason === WANTS_READ || reason === WANTS_WRITE;
  }
}
