/**
 * Who reads much takes turns: a runtime that reads for everybody before anybody writes leaves its processor's cache,
 * and serves those first who need it least.
 *
 * @module
 */

import { LIMITS } from "./limits.ts";

/** Who waits for a turn. */
export interface Reader {
  /** Reads, until it calls {@link ReadTurns.leave}. */
  takeTurn(): void;
  /** Bytes it wants to read. */
  readonly wantedBytes: number;
}

/** The readers of one transport, the first first. */
export class ReadTurns {
  readonly #waiting: Reader[] = [];
  #room = LIMITS.turnBytes;

  enter(reader: Reader): void {
    this.#waiting.push(reader);
    this.#admit();
  }

  /** @param bytes What it wanted. */
  leave(bytes: number): void {
    this.#room += bytes;
    this.#admit();
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#waiting[0].wantedBytes <= this.#room) {
      const reader = this.#waiting.shift()!;
      this.#room -= reader.wantedBytes;
      reader.takeTurn();
    }
  }
}
