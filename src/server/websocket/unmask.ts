/**
 * Unmasks a payload while moving it.
 *
 * @module
 */

/** From so many bytes on, a key of 8 bytes costs less than it saves. */
const LARGE_BYTES = 512;

/** A buffer as bytes and as words of 4 bytes. Positions count from its start, so that words stay aligned. */
export class FrameBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array;
  readonly #view: DataView;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
    this.#view = new DataView(buffer);
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
   * words. Where they do not, because a frame of another size was dropped, bytes of small frames move one by one.
   */
  unmask(from: number, to: number, end: number, key: number): number {
    const { bytes } = this;
    const distance = from - to;
    if (end - to >= LARGE_BYTES) to = this.#unmaskLarge(distance, to, end, key);
    if ((distance & 3) === 0) {
      for (; (to & 3) !== 0 && to < end; to++, key = rotated(key)) bytes[to] = bytes[to + distance] ^ key;
      if (to < end) to = this.#unmaskWords(distance >> 2, to >> 2, end >> 2, key) << 2;
    }
    for (; to < end; to++, key = rotated(key)) bytes[to] = bytes[to + distance] ^ key;
    return key;
  }

  /**
   * Eight bytes at once, as fast where they are not aligned. The compiler makes machine words of these `BigInt`s; it
   * does not unroll, and the loop would take half of the time.
   */
  #unmaskLarge(distance: number, to: number, end: number, key: number): number {
    const view = this.#view;
    const twice = BigInt.asIntN(64, BigInt(key >>> 0) * 0x1_0000_0001n);
    for (const stop = end - 31; to < stop; to += 32) {
      view.setBigInt64(to, view.getBigInt64(to + distance, true) ^ twice, true);
      view.setBigInt64(to + 8, view.getBigInt64(to + 8 + distance, true) ^ twice, true);
      view.setBigInt64(to + 16, view.getBigInt64(to + 16 + distance, true) ^ twice, true);
      view.setBigInt64(to + 24, view.getBigInt64(to + 24 + distance, true) ^ twice, true);
    }
    return to;
  }

  #unmaskWords(distance: number, to: number, end: number, key: number): number {
    const { words } = this;
    for (; to < end; to++) words[to] = words[to + distance] ^ key;
    return to;
  }
}

function rotated(key: number): number {
  return (key >>> 8) | (key << 24);
}
