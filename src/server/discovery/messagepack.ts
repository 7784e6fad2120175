/**
 * MessagePack, as far as introduction messages need it: maps, lists and strings. General libraries drop a byte order
 * mark at the start of a string, which may be an id, and write slowly: a join of a popular document took twice as long.
 *
 * @module
 */

import { Buffer, isUtf8 } from "node:buffer";
import type { Introduction } from "../../protocol.ts";
import { CrowdedError } from "../core/json.ts";

/** Levels of lists and maps. Messages have two; a client may add fields that the relay ignores. */
const MOST_LEVELS = 16;

/** Bytes behind the type of a value that no message needs. Such a value is read as null. */
const SKIPPED = new Map([
  ...[0xc0, 0xc2, 0xc3].map((type) => [type, 0] as const),
  ...[0xcc, 0xcd, 0xce, 0xcf].map((type) => [type, 1 << (type - 0xcc)] as const),
  ...[0xd0, 0xd1, 0xd2, 0xd3].map((type) => [type, 1 << (type - 0xd0)] as const),
  ...[0xca, 0xcb].map((type) => [type, 4 << (type - 0xca)] as const),
]);

/** What the decoder puts in place of invalid UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * Reads one value that takes all the bytes. Throws when it is none, or of an extension type, or has keys that are no
 * strings, and a {@link CrowdedError} when there is more in it than `most` values.
 */
export function unpack(bytes: Uint8Array, most: number): unknown {
  const reader = new Reader(bytes, most);
  const value = reader.value(MOST_LEVELS);
  if (!reader.isAtEnd) throw new RangeError("Cannot read MessagePack: want one value, got more bytes");
  return value;
}

/** Reads values one after another. A declared length is trusted only as far as there are bytes. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Values that may still come. */
  #left: number;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array, most: number) {
    this.#left = most;
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  /** @param levels How deep lists and maps may still be. */
  value(levels: number): unknown {
    if (levels < 0) throw new RangeError(`Cannot read MessagePack: want at most ${MOST_LEVELS} levels, got more`);
    if (this.#left-- === 0) throw new CrowdedError("Cannot read MessagePack: want fewer values");
    const type = this.#uint(1);
    if (type < 0x80 || type >= 0xe0) return null;
    if (type < 0x90) return this.#map(type & 0x0f, levels);
    if (type < 0xa0) return this.#list(type & 0x0f, levels);
    return type < 0xc0 ? this.#text(type & 0x1f) : this.#sized(type, levels);
  }

  /** A value whose length follows its type. */
  #sized(type: number, levels: number): unknown {
    if (type >= 0xde) return this.#map(this.#uint(2 << (type - 0xde)), levels);
    if (type >= 0xdc) return this.#list(this.#uint(2 << (type - 0xdc)), levels);
    if (type >= 0xd9) return this.#text(this.#uint(1 << (type - 0xd9)));
    const isBinary = type >= 0xc4 && type <= 0xc6;
    this.#take(isBinary ? this.#uint(1 << (type - 0xc4)) : skippedBytes(type));
    return null;
  }

  #map(size: number, levels: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (let i = 0; i < size; i++) entries.push([this.#key(levels), this.value(levels - 1)]);
    return Object.fromEntries(entries);
  }

  #key(levels: number): string {
    const key = this.value(levels - 1);
    if (typeof key !== "string") throw new TypeError("Cannot read MessagePack: want keys that are strings");
    return key;
  }

  #list(size: number, levels: number): unknown[] {
    const list: unknown[] = [];
    for (let i = 0; i < size; i++) list.push(this.value(levels - 1));
    return list;
  }

  #text(size: number): string {
    const from = this.#take(size);
    const text = this.#bytes.toString("utf8", from, this.#at);
    if (text.includes(REPLACEMENT) && !isUtf8(this.#bytes.subarray(from, this.#at))) {
      throw new TypeError("Cannot read MessagePack: want strings in UTF-8");
    }
    return text;
  }

  #uint(size: number): number {
    const from = this.#take(size);
    return size === 1 ? this.#bytes[from] : this.#bytes.readUIntBE(from, size);
  }

  /** Skips so many bytes; returns where they start. */
  #take(size: number): number {
    const from = this.#at;
    if (from + size > this.#bytes.byteLength) {
      throw new RangeError("Cannot read MessagePack: want more bytes, got the end");
    }
    this.#at = from + size;
    return from;
  }
}

function skippedBytes(type: number): number {
  const bytes = SKIPPED.get(type);
  if (bytes === undefined) throw new TypeError(`Cannot read MessagePack: want data, got type 0x${type.toString(16)}`);
  return bytes;
}

/** A MessagePack map of 4 with `"type": "Introduction"`, up to its key `"peerId"`. */
const PACKED_HEAD = Buffer.from("\x84\xa4type\xacIntroduction\xa6peerId", "latin1");
const PACKED_NAME_KEY = Buffer.from("\xa8userName", "latin1");
const PACKED_DOCUMENTS_KEY = Buffer.from("\xabdocumentIds", "latin1");
const PACKED_KEYS = PACKED_HEAD.byteLength + PACKED_NAME_KEY.byteLength + PACKED_DOCUMENTS_KEY.byteLength;

/** Writes an introduction for generation 4, which reads `userName` up to 4.1.2 and `peerId` from 4.1.3 on. */
export function packIntroduction({ userName, documentIds }: Introduction): Uint8Array<ArrayBuffer> {
  const packed = Buffer.allocUnsafe(PACKED_KEYS + packedBound(userName, documentIds));
  const idAt = PACKED_HEAD.copy(packed);
  const idEnd = packString(packed, idAt, userName);
  let at = idEnd + PACKED_NAME_KEY.copy(packed, idEnd);
  at += packed.copy(packed, at, idAt, idEnd);
  at += PACKED_DOCUMENTS_KEY.copy(packed, at);
  // A 32-bit length (0xdd) holds for any list; 15 and fewer fit the type byte (0x90).
  at = documentIds.length < 16
    ? packed.writeUInt8(0x90 | documentIds.length, at)
    : packed.writeUInt32BE(documentIds.length, packed.writeUInt8(0xdd, at));
  for (const id of documentIds) at = packString(packed, at, id);
  return new Uint8Array(packed.buffer, packed.byteOffset, at);
}

/** Bytes that suffice, besides the keys: a UTF-16 unit takes at most 3, a string's length 3, a list's length 5. */
function packedBound(userName: string, documentIds: readonly string[]): number {
  return documentIds.reduce((bytes, id) => bytes + 3 + id.length * 3, 5 + 2 * (3 + userName.length * 3));
}

/** Ids have at most {@link WIRE_LIMITS.idBytes}, so that 16 bits of length suffice. */
function packString(packed: Buffer, at: number, text: string): number {
  const length = Buffer.byteLength(text);
  if (length < 32) at = packed.writeUInt8(0xa0 | length, at);
  else if (length < 256) at = packed.writeUInt8(length, packed.writeUInt8(0xd9, at));
  else at = packed.writeUInt16BE(length, packed.writeUInt8(0xda, at));
  return at + packed.write(text, at);
}
