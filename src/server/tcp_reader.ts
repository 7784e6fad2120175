/**
 * Reads a TCP connection. Whoever waits keeps little memory, however much came before: what does not fit is read on
 * into memory that is only needed for a moment, and both parts are one chunk.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import { LIMITS } from "./limits.ts";
import { type LentMemory, type MemoryPool, OwnMemory, type ReadSize } from "./memory_pool.ts";
import type { Reader, ReadTurns } from "./read_turns.ts";
import type { Memory } from "./frames_unmask.ts";
import type { Loan } from "./transport.ts";

/** Who has the connection. */
export interface ReaderOwner {
  /** So many bytes have come, at the start of memory that is the owner's now. */
  received(memory: Memory & Loan, length: number): void;
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
  #turn: "none" | "awaited" | "taken" = "none";
  /** Ends a turn in which nothing came. */
  #hurry: ReturnType<typeof setImmediate> | undefined;

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
    this.#endTurn();
  }

  takeTurn(): void {
    this.#turn = "taken";
    if (this.#isStopped || this.#isPaused) return this.#renounce();
    this.#hurry = setImmediate(this.#nothingCame);
    this.#readOn(this.#options.pool.lend(this.#size));
  }

  #read(): void {
    if (this.#isPaused || this.#isStopped || this.#memory !== undefined || this.#turn === "awaited") return;
    this.#memory = this.#options.pool.lend(this.#size);
    this.#readInto(this.#memory.bytes);
  }

  /** Goes on in larger memory with what has filled the smaller. */
  #readOn(memory: LentMemory): void {
    const before = this.#memory;
    this.#memory = memory;
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
    this.#endTurn();
    if (this.#isStopped) return;
    const memory = this.#memory!;
    const end = this.#offset + (count ?? 0);
    const isFull = end === memory.bytes.length;
    if (isFull && end < LIMITS.readBytes.large && !this.#isPaused) return this.#awaitTurn("large");
    this.#passOn(memory, end);
    if (count === null) this.#owner.ended();
    else if (isFull) this.#awaitTurn("huge");
    else this.#read();
  };

  #awaitTurn(size: ReadSize): void {
    this.#size = size;
    this.#turn = "awaited";
    this.#options.turns.enter(this);
  }

  #renounce(): void {
    this.#endTurn();
    if (this.#memory !== undefined && !this.#isStopped) this.#passOn(this.#memory, this.#memory.bytes.length);
  }

  #endTurn(): void {
    if (this.#turn !== "taken") return;
    this.#turn = "none";
    clearImmediate(this.#hurry);
    const { wantedBytes } = this;
    this.#size = "medium";
    this.#options.turns.leave(wantedBytes);
  }

  /** What came before is not to wait for what may never come. */
  readonly #nothingCame = () => {
    this.#endTurn();
    const length = this.#waiting;
    this.#waiting = 0;
    if (length > 0) this.#owner.received(new OwnMemory(this.#memory!.bytes.slice(0, length).buffer), length);
  };

  #passOn(memory: LentMemory, end: number): void {
    const length = this.#waiting + end - this.#offset;
    if (this.#waiting < this.#offset) memory.bytes.copyWithin(0, this.#offset, end);
    this.#memory = undefined;
    this.#offset = this.#waiting = 0;
    this.#size = length > LIMITS.readBytes.small ? "medium" : "small";
    if (length > 0) this.#owner.received(memory.fitting(length), length);
  }
}
