/**
 * TLS over a TCP connection that stays the relay's own.
 *
 * The runtime does not give up what it has accepted with TLS: after `close()`, a handshake that never ends and a peer
 * that reads nothing keep their descriptors for as long as they like (measured: 160 silent connections, 160
 * descriptors). So the bytes of TCP are read and written here, for Node's TLS, and closed when the relay says so.
 *
 * @module
 */

import type { SecureContext } from "node:tls";
import { LIMITS } from "../../core/limits.ts";
import type { BufferPool, ReadSize } from "./buffer_pool.ts";
import type { ByteStream } from "./byte_stream.ts";
import { Ciphertext, freeChunk } from "./ciphertext.ts";
import { TlsSession } from "./tls_session.ts";
import type { Turn } from "./turn.ts";

/** What is read next when the last read has filled its buffer. */
const LARGER: Record<ReadSize, ReadSize> = { small: "medium", medium: "large", large: "large", huge: "huge" };

/** What all streams of a transport share. */
export interface TlsStreamOptions {
  readonly secureContext: SecureContext;
  readonly pool: BufferPool;
  readonly turn: Turn;
}

/** A read or a write that is not done yet, in bytes. */
interface Pending<Count> {
  resolve(count: Count): void;
  reject(error: Error): void;
}

/** One connection, as its server. */
export class TlsStream implements ByteStream {
  readonly #tcp: Deno.TcpConn;
  readonly #pool: BufferPool;
  readonly #turn: Turn;
  readonly #ciphertext: Ciphertext;
  readonly #session: TlsSession;
  /** What the next read of TCP begins with: a hello fits. */
  #size: ReadSize = "medium";
  #isReceiving = false;
  /** The next bytes are a hello, whose answer costs more than much bulk. */
  #awaitsHello = true;
  /** Decrypted, and not read yet: at most what one read of TCP brought. */
  readonly #cleartext: Uint8Array[] = [];
  /** The handshake is over. */
  #isOpen = false;
  #reading: Pending<number | null> & { readonly into: Uint8Array } | undefined;
  #writing: Pending<number> | undefined;
  #error: Error | undefined;
  #hasEnded = false;

  constructor(tcp: Deno.TcpConn, { secureContext, pool, turn }: TlsStreamOptions) {
    this.#tcp = tcp;
    this.#pool = pool;
    this.#turn = turn;
    this.#ciphertext = new Ciphertext(tcp);
    this.#session = new TlsSession(this.#ciphertext, secureContext, (bytes) => this.#decrypted(bytes));
    this.#session.on("end", () => this.#end());
    this.#session.on("close", () => this.#end());
    this.#session.on("error", (error) => this.#end(error));
    // What breaks TLS after the handshake, of which no `error` tells.
    this.#session.on("_tlsError", (error) => this.#end(error));
    this.#ciphertext.on("error", (error) => this.#end(error));
  }

  read(into: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reading = { into, resolve, reject };
      this.#readOn();
    });
  }

  /** Takes as much as is encrypted at once; resolves when the network has it. */
  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, LIMITS.readBytes.large);
    this.#turn.spend(taken.byteLength * LIMITS.tlsByteWork);
    return new Promise((resolve, reject) => {
      this.#writing = { resolve, reject };
      if (this.#isOpen && taken.byteLength <= LIMITS.tlsRecordBytes) this.#writeRecord(taken);
      else this.#writeRecords(taken);
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ciphertext.proceed();
      this.#session.end((error?: Error | null) => error ? reject(error) : resolve());
    });
  }

  close(): void {
    this.#tcp.close();
    this.#ciphertext.destroy();
    this.#session.destroy();
  }

  /** A record is written in one piece: when that is out, all is, and Node's TLS need not be asked. */
  #writeRecord(bytes: Uint8Array): void {
    this.#ciphertext.onceSent(() => this.#written(bytes.byteLength));
    this.#session.encrypt(bytes, (error) => error && this.#end(error));
    this.#ciphertext.proceed();
  }

  #writeRecords(bytes: Uint8Array): void {
    this.#ciphertext.proceed();
    this.#session.encrypt(bytes, (error) => error ? this.#end(error) : this.#written(bytes.byteLength));
  }

  #written(count: number): void {
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.resolve(count);
  }

  #decrypted(bytes: Uint8Array): void {
    this.#isOpen = true;
    this.#cleartext.push(bytes);
  }

  #end(error?: Error): void {
    this.#error ??= error;
    this.#hasEnded = true;
    if (this.#error !== undefined) this.#writing?.reject(this.#error);
    this.#readOn();
  }

  /** Answers whoever reads, or asks TCP for more. */
  #readOn(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    if (this.#cleartext.length === 0 && !this.#hasEnded) return this.#receive();
    this.#reading = undefined;
    if (this.#cleartext.length > 0) reading.resolve(this.#take(reading.into));
    else if (this.#error === undefined) reading.resolve(null);
    else reading.reject(this.#error);
  }

  /** As many bytes as are there and fit. */
  #take(into: Uint8Array): number {
    let length = 0;
    while (length < into.byteLength && this.#cleartext.length > 0) {
      const next = this.#cleartext[0];
      const part = next.subarray(0, into.byteLength - length);
      into.set(part, length);
      length += part.byteLength;
      if (part.byteLength === next.byteLength) freeChunk(this.#cleartext.shift()!);
      else this.#cleartext[0] = next.subarray(part.byteLength);
    }
    return length;
  }

  #receive(): void {
    if (this.#isReceiving) return;
    this.#isReceiving = true;
    this.#turn.run(this.#begin);
  }

  readonly #begin = () => {
    const buffer = this.#pool.acquire(this.#size);
    this.#tcp.read(buffer.bytes).then((count) => {
      this.#isReceiving = false;
      if (count === null) return this.#ciphertext.receiveEnd();
      this.#spend(count);
      this.#size = this.#sizeAfter(count);
      this.#ciphertext.receive(buffer.bytes.subarray(0, count));
      buffer.release();
      this.#readOn();
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
}
