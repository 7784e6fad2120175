/**
 * Memory that frames are written in, for all sockets: one that is silent keeps none.
 *
 * @module
 */

import { RecordWriter } from "../../protocol.ts";
import { LIMITS } from "../core/limits.ts";

/** Lends writers for as long as a frame is under way. */
export class FramePool {
  readonly #free: RecordWriter[] = [];

  take(): RecordWriter {
    return this.#free.pop() ?? new RecordWriter();
  }

  /** @param writer Nothing is in it. */
  giveBack(writer: RecordWriter): void {
    if (this.#free.length < LIMITS.freeFrames) this.#free.push(writer);
  }
}
