/**
 * A TCP connection of Deno's as the stream that `node:http` and `ws` want.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChunkMemory } from "./buffer_pool.ts";
import type { TcpWire } from "./tcp_wire.ts";
import type { WireListener } from "./wire.ts";

type Done = (error?: Error | null) => void;

/** A connection that was accepted. It has to be upgraded, or answered, in time. */
export class TcpStream extends Duplex implements WireListener {
  readonly wire: TcpWire;
  /** Where it comes from. `node:net` calls it so. */
  readonly remoteAddress: string;
  #deadline: Timer | undefined;
  #done: Done | undefined;

  constructor(wire: TcpWire, remoteAddress: string, clock: Clock) {
    super();
    this.wire = wire;
    this.remoteAddress = remoteAddress;
    wire.listen(this);
    // `node:http` has no time limits for streams that are not its own.
    this.#deadline = clock.after(LIMITS.requestMs, () => this.destroy());
  }

  /** It may be silent from now on. */
  upgraded(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  received(memory: ChunkMemory, length: number): void {
    const copy = Buffer.from(memory.bytes.subarray(0, length));
    memory.giveBack();
    try {
      if (!this.push(copy)) this.wire.pause();
    } catch (error) {
      // Whatever fails in reading a request ends its own connection alone.
      this.destroy(error as Error);
    }
  }

  taken(): void {
    if (this.wire.backlog > 0) return;
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }

  ended(): void {
    this.push(null);
  }

  gone(): void {
    this.destroy();
  }

  override _read(): void {
    this.wire.resume();
  }

  override _write(bytes: Uint8Array<ArrayBuffer>, _encoding: string, done: Done): void {
    this.#done = done;
    this.wire.write(bytes);
  }

  override _writev(chunks: { chunk: Uint8Array<ArrayBuffer> }[], done: Done): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "", done);
  }

  override _final(done: Done): void {
    this.wire.end(done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.upgraded();
    this.wire.destroy();
    done(error);
  }
}
