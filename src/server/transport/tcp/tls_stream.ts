/**
 * TLS over a TCP connection, that is read only when asked.
 *
 * It is Node's TLS, since that of the runtime's own connections does not give up what it has accepted: after `close()`,
 * a handshake that never ends and a peer that reads nothing keep their descriptors for as long as they like (measured:
 * 160 silent connections, 160 descriptors).
 *
 * @module
 */

import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { LIMITS } from "../../core/limits.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type SessionListener, TlsSession } from "./tls_session.ts";
import type { Turn } from "./turn.ts";

/** What all streams of a transport share. */
export interface TlsStreamOptions {
  readonly secureContext: SecureContext;
  readonly turn: Turn;
}

/** A read that is not done yet. */
interface Reading {
  readonly into: Uint8Array;
  resolve(count: number | null): void;
  reject(error: Error): void;
}

/** One connection, as its server. */
export class TlsStream implements ByteStream, SessionListener {
  readonly #turn: Turn;
  readonly #session: TlsSession;
  /** Decrypted, and not read yet: at most what one read of TCP brought. */
  readonly #cleartext: Uint8Array[] = [];
  #reading: Reading | undefined;
  #error: Error | undefined;
  #hasEnded = false;

  constructor(connection: Socket, { secureContext, turn }: TlsStreamOptions) {
    this.#turn = turn;
    this.#session = new TlsSession(connection, secureContext, this);
    // Its hello, which is read next, and whose answer costs more than much bulk.
    turn.spend(LIMITS.tlsHandshakeWork);
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
      this.#session.encrypt(taken, (error) => error ? reject(error) : resolve(taken.byteLength));
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#session.end((error?: Error | null) => error ? reject(error) : resolve());
    });
  }

  close(): void {
    this.#session.destroy();
  }

  decrypted(bytes: Uint8Array): void {
    this.#session.stopReading();
    this.#turn.spend(bytes.byteLength * LIMITS.tlsByteWork);
    this.#cleartext.push(bytes);
    this.#readOn();
  }

  ended(error?: Error): void {
    this.#error ??= error;
    this.#hasEnded = true;
    this.#readOn();
  }

  /** Answers whoever reads, or asks TCP for more. */
  #readOn(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    if (this.#cleartext.length === 0 && !this.#hasEnded) return this.#session.startReading();
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
}

/**
 * Frees what Node's TLS has allocated for a chunk, at once: the collector would run six times as often. Smaller chunks
 * may be parts of a buffer that Node uses again.
 */
function freeChunk({ buffer }: Uint8Array): void {
  if (buffer.byteLength > LIMITS.tlsRecordBytes) (buffer as ArrayBuffer).transfer(0);
}
