/**
 * Reads a TCP connection. Whoever waits keeps little memory, however much came before: what does not fit is read on
 * into memory that is only needed for a moment, and both parts are one chunk.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import { LIMITS } from "../../core/limits.ts";
import { ChunkMemory, type LentMemory, type MemoryPool, type ReadSize } from "./buffer_pool.ts";
import type { Reader, ReadTurns } from "./read_scheduler.ts";

/** Who has the connection. */
export interface ReaderOwner {
  /** So many bytes have come, at the start of memory that is the owner's now. */
  received(memory: ChunkMemory, length: number): void;
  ended(): void;
  /** The connection has failed. */
  destroy(): void;
}

/** What the readers of one transport share. */
export interface ReaderOptions {
  readonly pool: MemoryPool;
  readonly turns: ReadTurns;
}

/** The incoming half of one connection. */
export class TcpReader implements Reader {
  readonly #connection: Deno.TcpConn;
  readonly #options: ReaderOptions;
  readonly #owner: ReaderOwner;
  #isPaused = true;
  #isStopped = false;
  #size: ReadSize = "small";
  #memory: LentMemory | undefined;
  /** Where in it is read into, and how much of what stands before is still to be passed on: all or nothing. */
  #offset = 0;
  #waiting = 0;
  #awaitsTurn = false;
  /** Bytes of the present turn, and of one in which nothing came. */
  #turnBytes = 0;
  #pinnedBytes = 0;
  /** Looks in the next turn of the event loop whether there was more to read. */
  #look: ReturnType<typeof setImmediate> | undefined;

  constructor(connection: Deno.TcpConn, owner: ReaderOwner, options: ReaderOptions) {
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
    this.#read();
  }

  /** The connection is closed: nothing is heard any more. */
  stop(): void {
    this.#isStopped = true;
    this.#settle();
  }

  takeTurn(): void {
    this.#awaitsTurn = false;
    this.#turnBytes = this.wantedBytes;
    if (!this.#isPaused && !this.#isStopped) return this.#readOn();
    this.#leaveTurn();
    // Large memory is for turns alone.
    this.#size = "medium";
    if (this.#memory !== undefined && !this.#isStopped) this.#passOn(this.#memory, this.#memory.bytes.length);
  }

  #read(): void {
    if (this.#isPaused || this.#isStopped || this.#awaitsTurn || this.#memory !== undefined) return;
    this.#memory = this.#options.pool.lend(this.#size);
    this.#readInto(this.#memory.bytes);
  }

  /** Reads into memory of the present size, behind what has filled smaller memory. */
  #readOn(): void {
    const before = this.#memory;
    const memory = this.#memory = this.#options.pool.lend(this.#size);
    this.#look = setImmediate(this.#looked);
    if (before === undefined) return this.#readInto(memory.bytes);
    memory.bytes.set(before.bytes);
    this.#offset = this.#waiting = before.bytes.length;
    before.giveBack();
    this.#readInto(memory.bytes.subarray(this.#offset));
  }

  #readInto(bytes: Uint8Array<ArrayBuffer>): void {
    this.#connection.read(bytes).then(this.#received, this.#failed);
  }

  readonly #failed = () => this.#owner.destroy();

  readonly #received = (count: number | null) => {
    this.#settle();
    if (this.#isStopped) return;
    const memory = this.#memory!;
    const end = this.#offset + (count ?? 0);
    const isFull = end === memory.bytes.length;
    const isLarge = memory.bytes.length >= LIMITS.readBytes.large;
    if (isFull && !isLarge && this.#goesOn(memory)) return;
    this.#passOn(memory, end);
    if (count === null) this.#owner.ended();
    else if (!isFull || !isLarge || !this.#readsMuch()) this.#read();
  };

  /** Whether it will read as much as it can. Who got the last may have paused it, or has resumed it: then it reads already. */
  #readsMuch(): boolean {
    return !this.#isPaused && this.#memory === undefined && this.#entersFor("huge");
  }

  /** Whether what has come waits for what may follow it. */
  #goesOn(memory: LentMemory): boolean {
    // What was passed on already is at the start of this memory no more.
    if (this.#isPaused || this.#waiting < this.#offset) return false;
    if (memory.bytes.length === LIMITS.readBytes.medium) return this.#entersFor("large");
    this.#size = "medium";
    this.#readOn();
    return true;
  }

  /** Whether it will have a turn, which may have begun. */
  #entersFor(size: ReadSize): boolean {
    const { turns } = this.#options;
    const { isOpen } = turns;
    this.#size = isOpen ? size : "medium";
    this.#awaitsTurn = isOpen;
    if (isOpen) turns.enter(this);
    return isOpen;
  }

  #leaveTurn(): void {
    const bytes = this.#turnBytes;
    this.#turnBytes = 0;
    if (bytes > 0) this.#options.turns.leave(bytes);
  }

  /** There was no more: what waits for it is passed on, and the memory is pinned until something comes. */
  readonly #looked = () => {
    this.#pinnedBytes = this.#turnBytes;
    this.#options.turns.pin(this.#pinnedBytes);
    this.#leaveTurn();
    const length = this.#waiting;
    this.#waiting = 0;
    if (length > 0) this.#owner.received(ChunkMemory.copyOf(this.#memory!.bytes.subarray(0, length)), length);
  };

  /** Something has come, or nothing ever will. */
  #settle(): void {
    if (this.#look !== undefined) clearImmediate(this.#look);
    this.#look = undefined;
    this.#options.turns.pin(-this.#pinnedBytes);
    this.#pinnedBytes = 0;
    this.#leaveTurn();
  }

  #passOn(memory: LentMemory, end: number): void {
    const length = this.#waiting + end - this.#offset;
    if (this.#waiting < this.#offset) memory.bytes.copyWithin(0, this.#offset, end);
    this.#memory = undefined;
    this.#offset = this.#waiting = 0;
    this.#size = length > LIMITS.readBytes.small ? "medium" : "small";
    if (length > 0) this.#owner.received(memory.fitting(length), length);
    else memory.giveBack();
  }
}
