/**
 * Memory that frames are written in, for all sockets: one that is silent keeps none.
 *
 * @module
 */

import { RecordWriter } from "../../protocol.ts";
import { LIMITS } from "../core/limits.ts";

/** A writer is acquired for as long as a frame is under way. */
export class FramePool {
  readonly #free: RecordWriter[] = [];

  acquire(): RecordWriter {
    return this.#free.pop() ?? new RecordWriter();
  }

  /** @param writer Nothing is in it. */
  release(writer: RecordWriter): void {
    if (this.#free.length < LIMITS.freeFrames) this.#free.push(writer);
  }
}
