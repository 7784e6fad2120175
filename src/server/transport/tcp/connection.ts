/**
 * A connection, TCP or TLS, that is read only when asked.
 *
 * @module
 */

import type { BudgetHolder, MemoryBudget, Share } from "../../core/memory_budget.ts";
import type { Part } from "../../core/message.ts";
import type { Releasable } from "../transport.ts";
import type { BufferPool, ChunkBuffer } from "./buffer_pool.ts";
import type { ByteStream, Incoming, IncomingOwner } from "./byte_stream.ts";
import { type ConnectionListener, NO_LISTENER } from "./connection_listener.ts";
import type { Turn } from "./turn.ts";
import { WriteQueue } from "./write_queue.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What its transport has for all connections. */
export interface ConnectionOptions {
  readonly pool: BufferPool;
  readonly turn: Turn;
  readonly buffers: MemoryBudget;
  /** Those that are not gone: a connection enters and leaves by itself. */
  readonly open: Set<Connection>;
}

/** One connection. Reading begins with {@link Connection.resume}. */
export class Connection implements IncomingOwner, BudgetHolder {
  readonly #connection: ByteStream;
  readonly #options: ConnectionOptions;
  readonly #incoming: Incoming;
  #listener: ConnectionListener = NO_LISTENER;
  #writing: Bytes | undefined;
  /** The buffer of what is being written, to be released. */
  #buffer: Releasable | undefined;
  /** Made when something has to wait, and dropped with the last of it: an idle connection keeps none. */
  #queue: WriteQueue | undefined;
  /** What waits goes out at the end of this turn of the event loop. */
  #isFlushPlanned = false;
  #unwritten = 0;
  /** Bytes that the network took. */
  #taken = 0;
  #ended: (() => void) | undefined;
  #isGone = false;
  /** The peer takes nothing any more, though what it sent before may still have to be read. */
  #isUnwritable = false;
  /** Bytes kept for what the peer has sent, and their place in the budget, while there are any. */
  #retained = 0;
  #share: Share | undefined;

  constructor(connection: ByteStream, incoming: (owner: IncomingOwner) => Incoming, options: ConnectionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#incoming = incoming(this);
    options.open.add(this);
  }

  /** Bytes that were written and that the network has not taken yet. */
  get backlog(): number {
    return this.#unwritten;
  }

  /** Bytes that the network took in all: the peer may have read fewer. */
  get taken(): number {
    return this.#taken;
  }

  /** From now on `listener` hears this connection, in place of whoever did before. */
  listen(listener: ConnectionListener): void {
    this.#listener = listener;
  }

  /** Writes in order. The bytes are not to be changed; their buffer, if it is given, is released when they are out. */
  write(bytes: Bytes, buffer?: Releasable): void {
    if (this.#isGone || this.#isUnwritable) return buffer?.release();
    this.#unwritten += bytes.byteLength;
    if (this.#writing === undefined && this.#queue === undefined) return this.#write(bytes, buffer);
    this.#queued.push(bytes, buffer);
    this.flush();
  }

  /**
   * Writes copies of what is given in one turn of the event loop together, at its end or with {@link Connection.flush}:
   * a peer may hear of a thousand others at once.
   */
  writeSoon(part: Part): void {
    if (this.#isGone || this.#isUnwritable) return;
    this.#unwritten += this.#queued.pushFrame(part);
    if (this.#writing === undefined) this.#planFlush();
  }

  /** What {@link Connection.writeSoon} was given goes out now. */
  flush(): void {
    if (this.#writing !== undefined || this.#queue === undefined || this.#isGone) return;
    this.#takeNext();
    this.#begin();
  }

  /** Reads no more. What is being read may still come. */
  pause(): void {
    this.#incoming.pause();
  }

  resume(): void {
    this.#incoming.resume();
  }

  /** Ends this side behind all that was written, then calls `done`. */
  end(done: () => void): void {
    if (this.#isGone) return;
    if (this.#isUnwritable) return this.destroy();
    this.flush();
    this.#ended = done;
    if (this.#writing === undefined) this.#shut();
  }

  /** Ends both sides at once. */
  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.open.delete(this);
    this.#incoming.stop();
    this.#share?.close();
    this.#connection.close();
    queueMicrotask(() => this.#listener.gone());
  }

  received(buffer: ChunkBuffer, length: number): void {
    this.#listener.received(buffer, length);
  }

  ended(): void {
    this.#listener.ended();
  }

  retain(bytes: number): void {
    if (this.#isGone) return;
    this.#retained += bytes;
    if (this.#retained > 0) return (this.#share ??= this.#options.buffers.open(this)).set(this.#retained);
    this.#share?.close();
    this.#share = undefined;
  }

  measure(): number {
    return this.#retained;
  }

  /** The relay is out of buffer space, and this connection holds most of it. */
  evict(): void {
    this.destroy();
  }

  /** A peer that has reset the connection may have said much before, of which reading tells the end. */
  readonly #unwritable = () => {
    if (this.#isGone) return;
    if (this.#ended !== undefined) return this.destroy();
    this.#isUnwritable = true;
    while (this.#writing !== undefined) this.#takeNext();
    this.#unwritten = 0;
    this.#listener.taken();
  };

  get #queued(): WriteQueue {
    return this.#queue ??= new WriteQueue(this.#options.pool);
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#options.turn.atEnd(() => {
      this.#isFlushPlanned = false;
      this.flush();
    });
  }

  #write(bytes: Bytes, buffer: Releasable | undefined): void {
    this.#writing = bytes;
    this.#buffer = buffer;
    this.#begin();
  }

  readonly #begin = () => {
    if (!this.#isGone) this.#connection.write(this.#writing!).then(this.#written, this.#unwritable);
  };

  readonly #written = (count: number) => {
    if (this.#isGone) return;
    const bytes = this.#writing!;
    this.#unwritten -= count;
    this.#taken += count;
    this.#options.turn.spend(count);
    if (count < bytes.byteLength) this.#writing = bytes.subarray(count);
    else this.#takeNext();
    // Others have their turn before a peer that takes all it is given gets more.
    if (this.#writing !== undefined) this.#options.turn.run(this.#begin);
    else if (this.#ended !== undefined) this.#shut();
    this.#listener.taken();
  };

  #takeNext(): void {
    this.#buffer?.release();
    const next = this.#queue?.shift();
    this.#writing = next?.bytes;
    this.#buffer = next?.buffer;
    if (this.#queue?.isEmpty) this.#queue = undefined;
  }

  #shut(): void {
    this.#connection.closeWrite().then(this.#ended, () => this.destroy());
  }
}
