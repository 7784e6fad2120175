/**
 * TLS over a TCP connection.
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
import { type BufferPool, ChunkBuffer } from "./buffer_pool.ts";
import type { ByteStream, Incoming, IncomingOwner } from "./byte_stream.ts";
import { type SessionListener, TlsSession } from "./tls_session.ts";
import type { Turn } from "./turn.ts";

/** What all streams of a transport share. */
export interface TlsStreamOptions {
  readonly secureContext: SecureContext;
  readonly pool: BufferPool;
  readonly turn: Turn;
}

/** One connection, as its server. */
export class TlsStream implements ByteStream, Incoming, SessionListener {
  readonly #pool: BufferPool;
  readonly #turn: Turn;
  readonly #session: TlsSession;
  #owner: IncomingOwner | undefined;
  #isPaused = true;
  /** It reads on in a later turn of the event loop. */
  #isWaiting = false;
  /**
   * Work of the latest chunk, and what was charged already of that of the next, which is likely as large. First comes a
   * hello, whose answer costs more than much bulk.
   */
  #latestWork: number = LIMITS.tlsHandshakeWork;
  #charged = 0;

  constructor(connection: Socket, { secureContext, pool, turn }: TlsStreamOptions) {
    this.#pool = pool;
    this.#turn = turn;
    this.#session = new TlsSession(connection, secureContext, this);
  }

  /** From now on, until it is stopped, `owner` gets what comes. */
  readBy(owner: IncomingOwner): Incoming {
    this.#owner = owner;
    return this;
  }

  pause(): void {
    this.#isPaused = true;
    this.#session.stopReading();
  }

  resume(): void {
    this.#isPaused = false;
    this.#readInTurn();
  }

  stop(): void {
    this.#owner = undefined;
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

  decrypted(bytes: Uint8Array<ArrayBuffer>): void {
    this.#charge(bytes.byteLength);
    if (this.#turn.isOver && !this.#isPaused) {
      this.#session.stopReading();
      this.#readInTurn();
    }
    this.#owner?.received(this.#buffered(bytes), bytes.byteLength);
  }

  ended(error?: Error): void {
    const owner = this.#owner;
    this.#owner = undefined;
    if (error === undefined) owner?.ended();
    else owner?.destroy();
  }

  #readInTurn(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#turn.run(this.#read);
  }

  /** Of many that may read again, those wait for another turn whose chunks would not fit into this one. */
  readonly #read = () => {
    this.#isWaiting = false;
    if (this.#isPaused) return;
    this.#charged = this.#latestWork;
    this.#turn.spend(this.#charged);
    this.#session.startReading();
  };

  #charge(bytes: number): void {
    this.#latestWork = LIMITS.operationWork + bytes * (1 + LIMITS.tlsByteWork);
    this.#turn.spend(Math.max(0, this.#latestWork - this.#charged));
    this.#charged = 0;
  }

  /** Small chunks are copied: a new buffer costs more. */
  #buffered(bytes: Uint8Array<ArrayBuffer>): ChunkBuffer {
    const { buffer, byteLength } = bytes;
    if (byteLength > LIMITS.readBytes.medium) {
      return byteLength === buffer.byteLength ? new ChunkBuffer(buffer) : ChunkBuffer.copyOf(bytes);
    }
    const room = this.#pool.acquire(byteLength > LIMITS.readBytes.small ? "medium" : "small");
    room.bytes.set(bytes);
    return room;
  }
}
