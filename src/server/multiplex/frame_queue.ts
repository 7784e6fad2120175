/**
 * Frames that came and wait to be read.
 *
 * @module
 */

import { Line } from "./line.ts";

/** First in, first out, with the bytes of all. */
export class FrameQueue {
  #frames = new Line<Uint8Array<ArrayBuffer>>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#frames.first === undefined;
  }

  get first(): Uint8Array<ArrayBuffer> | undefined {
    return this.#frames.first;
  }

  push(frame: Uint8Array<ArrayBuffer>): void {
    this.#frames.push(frame);
    this.#bytes += frame.byteLength;
  }

  shift(): void {
    this.#bytes -= this.#frames.first?.byteLength ?? 0;
    if (this.#frames.first !== undefined) this.#frames.shift();
  }

  clear(): void {
    this.#frames = new Line();
    this.#bytes = 0;
  }
}
