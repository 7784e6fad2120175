/**
 * A connection as Node has it: a stream, such as that of TLS.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { LIMITS } from "../../core/limits.ts";
import { ChunkMemory } from "./buffer_pool.ts";
import type { Loan } from "../transport.ts";
import { NO_LISTENER, type Wire, type WireListener } from "./wire.ts";

/**
 * One stream. The runtime reads into 64 KiB, however little comes, and tells the collector only of what came: it would
 * let hundreds of megabytes wait, and every read would go to memory that no cache holds. So memory is freed at once.
 */
export class StreamWire implements Wire {
  readonly #stream: Duplex;
  #listener: WireListener = NO_LISTENER;
  #queuedWrites = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.pause();
    stream.on("data", (chunk: Uint8Array) => this.#listener.received(alone(chunk), chunk.length));
    stream.on("end", () => this.#listener.ended());
    stream.on("close", () => this.#listener.gone());
  }

  get backlog(): number {
    return this.#stream.writableLength + this.#queuedWrites * LIMITS.frameOverheadBytes;
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
  }

  write(bytes: Uint8Array<ArrayBuffer>, loan?: Loan): void {
    this.#queuedWrites += 1;
    this.#stream.write(bytes, this.#written);
    if (this.#stream.writableLength === 0) loan?.giveBack();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(done: () => void): void {
    this.#stream.end(done);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  readonly #written = () => {
    this.#queuedWrites -= 1;
    this.#listener.taken();
  };
}

/** The bytes in memory that nobody else uses, as each read brings them. */
function alone(chunk: Uint8Array): ChunkMemory {
  const isAlone = chunk.byteLength === chunk.buffer.byteLength;
  return isAlone ? new ChunkMemory(chunk.buffer as ArrayBuffer) : ChunkMemory.copyOf(chunk);
}
