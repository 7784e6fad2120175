/**
 * A TCP connection as Deno has it: it costs a message less than a stream of `node:net`, and its memory is ours.
 *
 * @module
 */

import type { ChunkMemory } from "./buffer_pool.ts";
import { type ReaderOptions, type ReaderOwner, TcpReader } from "./reader.ts";
import type { Loan } from "../transport.ts";
import { NO_LISTENER, type Wire, type WireListener } from "./wire.ts";
import { WriteQueue } from "./write_queue.ts";

/** What its transport has for all connections. */
export interface TcpWireOptions extends ReaderOptions {
  /** Those that are not gone: a wire enters and leaves by itself. */
  readonly open: Set<TcpWire>;
}

/** One connection. */
export class TcpWire implements Wire, ReaderOwner {
  readonly #connection: Deno.TcpConn;
  readonly #options: TcpWireOptions;
  readonly #reader: TcpReader;
  #listener: WireListener = NO_LISTENER;
  #writing: Uint8Array<ArrayBuffer> | undefined;
  #loan: Loan | undefined;
  /** Made when something has to wait, which is seldom. */
  #queue: WriteQueue | undefined;
  #unwritten = 0;
  #ended: (() => void) | undefined;
  #isGone = false;

  constructor(connection: Deno.TcpConn, options: TcpWireOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#reader = new TcpReader(connection, this, options);
    options.open.add(this);
    try {
      connection.setNoDelay(true);
    } catch {
      // It has been reset since it was accepted, as its first read will tell.
    }
  }

  get backlog(): number {
    return this.#unwritten;
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
  }

  write(bytes: Uint8Array<ArrayBuffer>, loan?: Loan): void {
    if (this.#isGone) return;
    this.#unwritten += bytes.byteLength;
    if (this.#writing === undefined) this.#write(bytes, loan);
    else (this.#queue ??= new WriteQueue(this.#options.pool)).push(bytes, loan);
  }

  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }

  end(done: () => void): void {
    this.#ended = done;
    if (this.#writing === undefined) this.#shut();
  }

  received(memory: ChunkMemory, length: number): void {
    this.#listener.received(memory, length);
  }

  ended(): void {
    this.#listener.ended();
  }

  destroy(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.open.delete(this);
    this.#reader.stop();
    this.#connection.close();
    queueMicrotask(() => this.#listener.gone());
  }

  readonly #failed = () => this.destroy();

  #write(bytes: Uint8Array<ArrayBuffer>, loan: Loan | undefined): void {
    this.#writing = bytes;
    this.#loan = loan;
    this.#connection.write(bytes).then(this.#written, this.#failed);
  }

  readonly #written = (count: number) => {
    if (this.#isGone) return;
    const bytes = this.#writing!;
    this.#unwritten -= count;
    if (count < bytes.byteLength) this.#write(bytes.subarray(count), this.#loan);
    else this.#writeNext();
    this.#listener.taken();
  };

  #writeNext(): void {
    this.#loan?.giveBack();
    this.#writing = undefined;
    const next = this.#queue?.shift();
    if (next !== undefined) this.#write(next.bytes, next.loan);
    else if (this.#ended !== undefined) this.#shut();
  }

  #shut(): void {
    this.#connection.closeWrite().then(this.#ended, this.#failed);
  }
}
