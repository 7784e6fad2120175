/**
 * Decides who reads into a large buffer next: a runtime that reads for everybody before anybody writes leaves its
 * processor's cache, and serves those first who need it least.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import { LIMITS } from "../../core/limits.ts";
import type { Turn } from "./turn.ts";

/** Who waits for a large buffer. */
export interface BulkReader {
  /** Bytes it wants to read. */
  readonly wantedBytes: number;
  /** Begins the read; {@link ReadScheduler.done} is called when it has ended. */
  readBulk(): void;
  /** The read found nothing: what it holds back meanwhile is passed on. It still ends with {@link ReadScheduler.done}. */
  foundNothing(): void;
}

/** The bulk reads of one transport, first come, first served: {@link LIMITS.bulkBytes} are under way at once. */
export class ReadScheduler {
  readonly #turn: Turn;
  readonly #waiting: BulkReader[] = [];
  /** Whose read has begun, and not ended within this turn of the event loop. */
  readonly #reading = new Set<BulkReader>();
  #room = LIMITS.bulkBytes;
  #isScheduled = false;
  #look: ReturnType<typeof setImmediate> | undefined;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  enter(reader: BulkReader): void {
    this.#waiting.push(reader);
    this.#schedule();
  }

  /** The read of `reader` has ended, or never will. */
  done(reader: BulkReader): void {
    if (this.#reading.delete(reader)) this.#free(reader);
  }

  /** Gives the reader's part to the next. */
  #free(reader: BulkReader): void {
    this.#room += reader.wantedBytes;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#hasRoom()) return;
    this.#isScheduled = true;
    this.#turn.run(this.#admit);
  }

  /** A loop, no recursion: those who leave at once are many when a relay closes. */
  readonly #admit = () => {
    while (this.#hasRoom()) {
      if (this.#turn.isOver) return this.#turn.run(this.#admit);
      this.#begin(this.#waiting.shift()!);
    }
    this.#isScheduled = false;
  };

  #begin(reader: BulkReader): void {
    this.#turn.spend(LIMITS.operationWork);
    this.#room -= reader.wantedBytes;
    this.#reading.add(reader);
    // A read that is ready ends before the next turn of the event loop; one that is not shall hold up nobody.
    this.#look ??= setImmediate(this.#findIdle);
    reader.readBulk();
  }

  #hasRoom(): boolean {
    return this.#waiting.length > 0 && this.#waiting[0].wantedBytes <= this.#room;
  }

  readonly #findIdle = () => {
    this.#look = undefined;
    for (const reader of [...this.#reading]) {
      this.#reading.delete(reader);
      reader.foundNothing();
      this.#free(reader);
    }
  };

  /** Nobody reads any more. */
  close(): void {
    if (this.#look !== undefined) clearImmediate(this.#look);
    this.#waiting.length = 0;
  }
}
