/**
 * Reads a connection. Whoever waits for a peer holds a small buffer, however much came before; bulk is read into large
 * buffers, one connection after the other.
 *
 *                resume                 the buffer is full              the scheduler's turn
 *     idle ------------------> waiting ------------------> queued ------------------------> reading bulk
 *      ^                        |   ^                                                            |
 *      |  paused                |   |  what came is passed on                                    |
 *      +------------------------+   +------------------------------------------------------------+
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import { LIMITS } from "../../core/limits.ts";
import { type BufferPool, ChunkBuffer, type PooledBuffer, type ReadSize } from "./buffer_pool.ts";
import type { Incoming, IncomingOwner } from "./byte_stream.ts";
import type { BulkReader, ReadScheduler } from "./read_scheduler.ts";
import type { Turn } from "./turn.ts";

/** What the readers of one transport share. */
export interface ReaderOptions {
  readonly pool: BufferPool;
  readonly scheduler: ReadScheduler;
  readonly turn: Turn;
}

type State = "idle" | "waiting" | "queued" | "reading bulk" | "stopped";

/** The incoming half of one connection. */
export class Reader implements Incoming, BulkReader {
  readonly #connection: Pick<Deno.Conn, "read">;
  readonly #options: ReaderOptions;
  readonly #owner: IncomingOwner;
  #state: State = "idle";
  #isPaused = true;
  /** What the next read begins with. A request is read at once; then most peers say little. */
  #size: ReadSize = "medium";
  /** What is read into: the bytes from `start` to `end` have come, and are still to be passed on. */
  #buffer: PooledBuffer | undefined;
  #start = 0;
  #end = 0;
  /** Bytes of a large buffer that a read holds although nothing comes: a read cannot be called off. */
  #heldInVain = 0;
  /** Looks whether the rest of what has filled a small buffer was there. */
  #look: ReturnType<typeof setImmediate> | undefined;

  constructor(connection: Pick<Deno.Conn, "read">, owner: IncomingOwner, options: ReaderOptions) {
    this.#connection = connection;
    this.#owner = owner;
    this.#options = options;
  }

  get wantedBytes(): number {
    return LIMITS.readBytes[this.#size];
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#state === "idle") this.#readNext();
  }

  stop(): void {
    if (this.#state === "reading bulk") this.#options.scheduler.done(this);
    this.#state = "stopped";
    if (this.#look !== undefined) clearImmediate(this.#look);
    this.#letGo();
    // The runtime may still write into it, so it does not go back to the pool.
    this.#buffer = undefined;
  }

  readBulk(): void {
    if (this.#state !== "queued" || this.#isPaused) this.#options.scheduler.done(this);
    if (this.#state !== "queued") return;
    if (this.#isPaused) return this.#standBack();
    this.#state = "reading bulk";
    this.#grow();
    this.#read();
  }

  /** Large buffers are for the scheduler's turns alone: whoever is paused when its turn comes begins anew. */
  #standBack(): void {
    if (this.#buffer !== undefined) return this.#passOn("medium");
    this.#size = "medium";
    this.#state = "idle";
  }

  foundNothing(): void {
    const buffer = this.#buffer!;
    this.#state = "waiting";
    this.#heldInVain = buffer.bytes.length;
    this.#owner.retain(this.#heldInVain);
    if (this.#buffer === buffer) this.#passOnCopy(buffer);
  }

  /** What waits for more, while that is read. */
  #passOnCopy({ bytes }: PooledBuffer): void {
    const length = this.#end - this.#start;
    if (length === 0) return;
    const chunk = ChunkBuffer.copyOf(bytes.subarray(this.#start, this.#end));
    this.#start = this.#end;
    this.#owner.received(chunk, length);
  }

  #readNext(): void {
    this.#state = "waiting";
    this.#options.turn.run(this.#begin);
  }

  /** It may have been stopped, or paused, since it was scheduled. */
  readonly #begin = () => {
    if (this.#state !== "waiting") return;
    if (this.#isPaused) return void (this.#state = "idle");
    this.#grow();
    this.#read();
  };

  /** Moves what has come to the start of a buffer of the present size. */
  #grow(): void {
    const before = this.#buffer;
    const buffer = this.#buffer = this.#options.pool.acquire(this.#size);
    if (before === undefined) return;
    buffer.bytes.set(before.bytes.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    before.release();
  }

  #read(): void {
    const { bytes } = this.#buffer!;
    const room = this.#end === 0 ? bytes : bytes.subarray(this.#end);
    this.#connection.read(room).then(this.#received, this.#failed);
  }

  /** What came before is passed on first. */
  readonly #failed = () => {
    if (this.#state === "stopped") return;
    if (this.#state === "reading bulk") this.#options.scheduler.done(this);
    this.#letGo();
    this.#state = "stopped";
    this.#handOver();
    this.#owner.destroy();
  };

  readonly #received = (count: number | null) => {
    if (this.#state === "stopped") return;
    if (this.#state === "reading bulk") this.#options.scheduler.done(this);
    this.#options.turn.spend(count ?? 0);
    this.#letGo();
    if (count === null) return this.#finish();
    this.#end += count;
    if (this.#end === this.#buffer!.bytes.length) this.#filled();
    else this.#passOn(this.#end - this.#start > LIMITS.readBytes.small ? "medium" : "small");
  };

  #finish(): void {
    this.#state = "stopped";
    this.#handOver();
    this.#owner.ended();
  }

  /** There is probably more. */
  #filled(): void {
    const { length } = this.#buffer!.bytes;
    if (length >= LIMITS.readBytes.large) this.#passOn("huge");
    else if (this.#isPaused) this.#passOn("medium");
    // What has come waits for what follows it, so that both cross in one write, and are not answered one by one.
    else if (length === LIMITS.readBytes.medium) this.#queue("large");
    else this.#readOn();
  }

  /** What is there is read in this turn of the event loop. */
  #readOn(): void {
    this.#size = "medium";
    this.#look ??= setImmediate(() => this.#stopWaiting());
    this.#readNext();
  }

  /** There was no more. Whoever waits for a large buffer by now is the scheduler's. */
  #stopWaiting(): void {
    this.#look = undefined;
    const isOurs = this.#state === "waiting" || this.#state === "idle";
    if (isOurs && this.#buffer !== undefined) this.#passOnCopy(this.#buffer);
  }

  #queue(size: "large" | "huge"): void {
    this.#state = "queued";
    this.#size = size;
    this.#options.scheduler.enter(this);
  }

  /** Hands over what has come, and reads on. */
  #passOn(next: ReadSize): void {
    this.#size = next === "huge" ? "medium" : next;
    this.#state = "idle";
    this.#handOver();
    // The owner may have paused, resumed or stopped it.
    if (this.#state !== "idle" || this.#isPaused) return;
    if (next === "huge") this.#queue(next);
    else this.#readNext();
  }

  #handOver(): void {
    const buffer = this.#buffer!;
    const length = this.#end - this.#start;
    if (this.#start > 0) buffer.bytes.copyWithin(0, this.#start, this.#end);
    this.#buffer = undefined;
    this.#start = this.#end = 0;
    if (length > 0) this.#owner.received(buffer.fitting(length), length);
    else buffer.release();
  }

  /** The large buffer is of use again, or gone. */
  #letGo(): void {
    if (this.#heldInVain === 0) return;
    this.#owner.retain(-this.#heldInVain);
    this.#heldInVain = 0;
  }
}
