/**
 * TLS over a TCP connection that stays the relay's own.
 *
 * The runtime does not give up what it has accepted with TLS: after `close()`, a handshake that never ends and a peer
 * that reads nothing keep their descriptors for as long as they like (measured: 160 silent connections, 160
 * descriptors). So the bytes of TCP are read and written here, for Node's TLS, and closed when the relay says so.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import { LIMITS } from "../../core/limits.ts";
import type { BufferPool, ReadSize } from "./buffer_pool.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Turn } from "./turn.ts";

type Done = (error?: Error | null) => void;

/** What is read next when the last read has filled its buffer. */
const LARGER: Record<ReadSize, ReadSize> = { small: "medium", medium: "large", large: "large", huge: "huge" };

/** What all streams of a transport share. */
export interface TlsStreamOptions {
  readonly secureContext: SecureContext;
  readonly pool: BufferPool;
  readonly turn: Turn;
}

/** One connection, as its server. */
export class TlsStream implements ByteStream {
  readonly #tcp: Deno.TcpConn;
  readonly #pool: BufferPool;
  readonly #turn: Turn;
  readonly #ciphertext: Duplex;
  readonly #socket: TLSSocket;
  /** What the next read of TCP begins with: a hello fits. */
  #size: ReadSize = "medium";
  #isReceiving = false;
  /** The next bytes are a hello, whose answer costs more than much bulk. */
  #awaitsHello = true;
  /** Decrypted, and not read yet: at most what one read of TCP brought. */
  readonly #cleartext: Uint8Array[] = [];
  #error: Error | undefined;
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(tcp: Deno.TcpConn, { secureContext, pool, turn }: TlsStreamOptions) {
    this.#tcp = tcp;
    this.#pool = pool;
    this.#turn = turn;
    this.#ciphertext = new Duplex({
      // Node's TLS takes all it can get, paused or not: it gets what this side asks for.
      read: () => {},
      write: (bytes, _encoding, done) => this.#send(bytes, done),
      final: (done) => void this.#tcp.closeWrite().then(() => done(), done),
    });
    this.#socket = new TLSSocket(this.#ciphertext, { isServer: true, secureContext });
    this.#socket.on("data", (bytes: Uint8Array) => {
      this.#cleartext.push(bytes);
      this.#wake();
    });
    this.#socket.on("end", () => this.#end());
    this.#socket.on("close", () => this.#end());
    this.#socket.on("error", (error) => this.#end(error));
    this.#ciphertext.on("error", (error) => this.#end(error));
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#cleartext.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#hasEnded) return null;
      if (!this.#isReceiving) this.#receive();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#take(into);
  }

  /** Takes as much as is encrypted at once; resolves when the network has it. */
  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, LIMITS.readBytes.large);
    this.#turn.spend(taken.byteLength * LIMITS.tlsByteWork);
    return new Promise((resolve, reject) => {
      this.#socket.write(taken, (error) => error ? reject(error) : resolve(taken.byteLength));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.end((error?: Error | null) => error ? reject(error) : resolve());
    });
  }

  close(): void {
    this.#tcp.close();
    this.#ciphertext.destroy();
    this.#socket.destroy();
  }

  #end(error?: Error): void {
    this.#error ??= error;
    this.#hasEnded = true;
    this.#wake();
  }

  /** As many bytes as are there and fit. */
  #take(into: Uint8Array): number {
    let length = 0;
    while (length < into.byteLength && this.#cleartext.length > 0) {
      const next = this.#cleartext[0];
      const part = next.subarray(0, into.byteLength - length);
      into.set(part, length);
      length += part.byteLength;
      if (part.byteLength === next.byteLength) this.#cleartext.shift();
      else this.#cleartext[0] = next.subarray(part.byteLength);
    }
    return length;
  }

  #receive(): void {
    this.#isReceiving = true;
    this.#turn.run(this.#begin);
  }

  readonly #begin = () => {
    const buffer = this.#pool.acquire(this.#size);
    this.#tcp.read(buffer.bytes).then((count) => {
      this.#isReceiving = false;
      if (count === null) return void this.#ciphertext.push(null);
      this.#spend(count);
      this.#size = this.#sizeAfter(count);
      this.#ciphertext.push(buffer.bytes.subarray(0, count));
      // Node's TLS copies what it takes, at once. What it has not taken keeps its buffer.
      if (this.#ciphertext.readableLength === 0) buffer.release();
      this.#wake();
    }, (error) => this.#ciphertext.destroy(error));
  };

  /** As without TLS, a silent peer keeps a buffer of the first or second size. */
  #sizeAfter(count: number): ReadSize {
    if (count === LIMITS.readBytes[this.#size]) return LARGER[this.#size];
    return count > LIMITS.readBytes.small ? "medium" : "small";
  }

  #spend(count: number): void {
    this.#turn.spend(count * LIMITS.tlsByteWork + (this.#awaitsHello ? LIMITS.tlsHandshakeWork : 0));
    this.#awaitsHello = false;
  }

  #send(bytes: Uint8Array, done: Done): void {
    this.#tcp.write(bytes).then((count) => {
      if (count < bytes.byteLength) this.#send(bytes.subarray(count), done);
      else done();
    }, done);
  }
}
