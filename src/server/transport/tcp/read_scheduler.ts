/**
 * Who reads much takes turns: a runtime that reads for everybody before anybody writes leaves its processor's cache,
 * and serves those first who need it least.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";

/** Who waits for a turn. */
export interface Reader {
  /** Reads, until it calls {@link ReadTurns.leave}. */
  takeTurn(): void;
  /** Bytes it wants to read. */
  readonly wantedBytes: number;
}

/**
 * The readers of one transport, the first first.
 *
 * A read that was begun cannot be called off. Who finds, by chance or on purpose, that nothing more comes, keeps its
 * memory until something does: that pins it, and past a bound nobody gets a turn more.
 */
export class ReadTurns {
  readonly #waiting: Reader[] = [];
  #room = LIMITS.turnBytes;
  #pinnedBytes = 0;
  #isAdmitting = false;

  /** Whether who enters will have a turn. */
  get isOpen(): boolean {
    return this.#pinnedBytes < LIMITS.pinnedBytes;
  }

  /** While it is open. The turn may begin at once. */
  enter(reader: Reader): void {
    this.#waiting.push(reader);
    this.#admit();
  }

  /** @param bytes What it wanted. */
  leave(bytes: number): void {
    this.#room += bytes;
    this.#admit();
  }

  /** So many bytes more are pinned, or fewer. */
  pin(bytes: number): void {
    this.#pinnedBytes += bytes;
  }

  /** Those who leave at once are many when a relay closes: no recursion. */
  #admit(): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    try {
      while (this.#waiting.length > 0 && this.#waiting[0].wantedBytes <= this.#room) {
        const reader = this.#waiting.shift()!;
        this.#room -= reader.wantedBytes;
        reader.takeTurn();
      }
    } finally {
      this.#isAdmitting = false;
    }
  }
}
