/**
 * The encrypted side of a connection with TLS: a stream to Node's TLS, without the queues and ticks of Node's own
 * streams, which cost a small message more than its encryption.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { LIMITS } from "../../core/limits.ts";
import type { ByteStream } from "./byte_stream.ts";

type Done = (error?: Error | null) => void;

/** What Node's TLS writes goes out on TCP, one write after the other. What comes is passed on by its owner. */
export class Ciphertext extends Duplex {
  readonly #tcp: ByteStream;
  /** To be called when what is written next is out, in place of telling Node's TLS, which would look for more. */
  #sent: (() => void) | undefined;
  /** Lets Node's TLS write again. */
  #proceed: Done | undefined;

  constructor(tcp: ByteStream) {
    super({ read: () => {}, final: (done) => void tcp.closeWrite().then(() => done(), done) });
    this.#tcp = tcp;
  }

  /** Bytes have come. They are copied at once. */
  receive(bytes: Uint8Array): void {
    this.emit("data", bytes);
  }

  /** The peer has ended its side. */
  receiveEnd(): void {
    this.push(null);
  }

  /** Calls `sent` when what is written next, and nothing behind it, is out. */
  onceSent(sent: () => void): void {
    this.#sent = sent;
  }

  /** Takes writes again. */
  proceed(): void {
    const proceed = this.#proceed;
    this.#proceed = undefined;
    proceed?.();
  }

  /** Node's TLS writes again only when it is called back: `done`, a {@link Done}. */
  override write(bytes: Uint8Array, done?: unknown): boolean {
    const sent = this.#sent;
    this.#sent = undefined;
    this.#send(bytes, () => sent === undefined ? (done as Done)() : this.#holdBack(sent, done as Done));
    return true;
  }

  /** Node's TLS is called back later: in {@link Ciphertext.proceed}. */
  #holdBack(sent: () => void, done: Done): void {
    this.#proceed = done;
    sent();
  }

  #send(bytes: Uint8Array, sent: () => void): void {
    this.#tcp.write(bytes).then((count) => {
      if (count < bytes.byteLength) return this.#send(bytes.subarray(count), sent);
      freeChunk(bytes);
      sent();
    }, (error) => this.destroy(error));
  }
}

/**
 * Frees what Node's TLS has allocated for a chunk, at once: the collector would run six times as often. Smaller chunks
 * may be parts of a buffer that Node uses again.
 */
export function freeChunk({ buffer }: Uint8Array): void {
  if (buffer.byteLength > LIMITS.tlsRecordBytes) (buffer as ArrayBuffer).transfer(0);
}
