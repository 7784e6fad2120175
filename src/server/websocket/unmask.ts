/**
 * Unmasks a payload while moving it.
 *
 * @module
 */

/** A buffer as bytes and as words of 4 bytes. Positions count from its start, so that words stay aligned. */
export class FrameBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
  }

  /** The masking key at `at`, with its first byte lowest: every machine that Deno runs on is little-endian. */
  keyAt(at: number): number {
    const { bytes } = this;
    return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }

  /**
   * Moves bytes from `from` down to `to`, up to `end` there, and unmasks them. Returns the key for the byte after them.
   *
   * Moving costs nothing besides unmasking. The relay drops 4 bytes of each frame, so whole words usually move to whole
   * words. Where they do not, because a frame of another size was dropped, bytes move one by one.
   */
  unmask(from: number, to: number, end: number, key: number): number {
    const { bytes } = this;
    const distance = from - to;
    if ((distance & 3) === 0) {
      for (; (to & 3) !== 0 && to < end; to++, key = rotated(key)) bytes[to] = bytes[to + distance] ^ key;
      if (to < end) to = this.#unmaskWords(distance >> 2, to >> 2, end >> 2, key) << 2;
    }
    for (; to < end; to++, key = rotated(key)) bytes[to] = bytes[to + distance] ^ key;
    return key;
  }

  /** Eight words per iteration: the compiler does not unroll, and the loop would take a quarter of the time. */
  #unmaskWords(distance: number, to: number, end: number, key: number): number {
    const { words } = this;
    for (const stop = end - 7; to < stop; to += 8) {
      words[to] = words[to + distance] ^ key;
      words[to + 1] = words[to + 1 + distance] ^ key;
      words[to + 2] = words[to + 2 + distance] ^ key;
      words[to + 3] = words[to + 3 + distance] ^ key;
      words[to + 4] = words[to + 4 + distance] ^ key;
      words[to + 5] = words[to + 5 + distance] ^ key;
      words[to + 6] = words[to + 6 + distance] ^ key;
      words[to + 7] = words[to + 7 + distance] ^ key;
    }
    for (; to < end; to++) words[to] = words[to + distance] ^ key;
    return to;
  }
}

function rotated(key: number): number {
  return (key >>> 8) | (key << 24);
}
