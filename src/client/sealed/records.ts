/**
 * What is said in a sealed conversation, as records: one record is one binary message for the relay. Inside, it is
 *
 *     kind (u8): 1 = text, 2 = binary, 3 = close, 4 = arrived; plus 16 if more of this text or binary follows
 *     a part of the message: text as UTF-8; a close as code (u16) and reason, or nothing if it has no code; how much has
 *     arrived since that was told last (u32), which may come between the parts of a message
 *
 * @module
 */

import { SEAL_LIMITS, WIRE_LIMITS } from "../../protocol.ts";
import { NO_CODE } from "../socket/ready_state.ts";
import { isCloseCode } from "../socket/sending.ts";
import { type CipherState, TAG_BYTES } from "./cipher_state.ts";

/** A close as applications see it: 1005 if it came without a code. */
export interface SealedClose {
  readonly code: number;
  readonly reason: string;
}

/** What a peer said. */
export type Message =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "close"; readonly close: SealedClose }
  | { readonly kind: "arrived"; readonly bytes: number };

type Kind = Message["kind"];

const KINDS: Record<Kind, number> = { text: 1, binary: 2, close: 3, arrived: 4 };
const MORE = 0x10;
const KIND_BYTES = 1;
const ARRIVED_BYTES = 4;
/** Of a message in one record. */
const PART_BYTES = SEAL_LIMITS.recordBytes - KIND_BYTES - TAG_BYTES;

/** Makes records in the order in which they have to be sent. */
export class RecordWriter {
  readonly #cipher: CipherState;

  constructor(cipher: CipherState) {
    this.#cipher = cipher;
  }

  /** All records of a message. */
  *write(kind: Kind, bytes: Uint8Array): Iterable<Uint8Array<ArrayBuffer>> {
    let offset = 0;
    do {
      const part = bytes.subarray(offset, offset + PART_BYTES);
      offset += part.byteLength;
      yield this.#seal(KINDS[kind] + (offset < bytes.byteLength ? MORE : 0), part);
    } while (offset < bytes.byteLength);
  }

  /** The last record. */
  *close({ code, reason }: SealedClose): Iterable<Uint8Array<ArrayBuffer>> {
    const text = new TextEncoder().encode(reason);
    const bytes = new Uint8Array(2 + text.byteLength);
    new DataView(bytes.buffer).setUint16(0, code);
    bytes.set(text, 2);
    yield* this.write("close", code === NO_CODE ? bytes.subarray(0, 0) : bytes);
  }

  /** Tells how much has arrived. */
  arrived(bytes: number): Uint8Array<ArrayBuffer> {
    const part = new Uint8Array(ARRIVED_BYTES);
    new DataView(part.buffer).setUint32(0, bytes);
    return this.#seal(KINDS.arrived, part);
  }

  #seal(header: number, part: Uint8Array): Uint8Array<ArrayBuffer> {
    const record = new Uint8Array(KIND_BYTES + part.byteLength + TAG_BYTES);
    record[0] = header;
    record.set(part, KIND_BYTES);
    this.#cipher.sealInPlace(record);
    return record;
  }
}

/** A message of more bytes than two peers have agreed on. */
export class TooBigError extends RangeError {}

/** Puts messages together. */
export class RecordReader {
  readonly #cipher: CipherState;
  readonly #parts = new Parts();
  #kind: number | undefined;

  constructor(cipher: CipherState) {
    this.#cipher = cipher;
  }

  /**
   * The message that this record completes. Throws a `TooBigError` if it grows too large, and some other error for
   * anything but the next record of the other side.
   */
  read(record: Uint8Array): Message | undefined {
    if (record.byteLength > SEAL_LIMITS.recordBytes) throw new RangeError("Cannot read a record: it is too long");
    const plaintext = this.#cipher.decrypt(record);
    const { kind, isLast } = readHeader(plaintext);
    if (kind === KINDS.arrived) return { kind: "arrived", bytes: readArrived(plaintext.subarray(KIND_BYTES)) };
    if (this.#kind !== undefined && kind !== this.#kind) throw unreadable("more of the same message", kind);
    this.#kind = kind;
    const bytes = this.#parts.add(plaintext.subarray(KIND_BYTES), isLast);
    if (bytes === undefined) return undefined;
    this.#kind = undefined;
    return understand(kind, bytes);
  }
}

/** The parts of one message. */
class Parts {
  #bytes = new Uint8Array(0);
  #length = 0;

  /** All of them, once the last is there. */
  add(part: Uint8Array<ArrayBuffer>, isLast: boolean): Uint8Array<ArrayBuffer> | undefined {
    if (isLast && this.#length === 0) return part.slice();
    this.#append(part);
    if (!isLast) return undefined;
    const bytes = this.#bytes.slice(0, this.#length);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return bytes;
  }

  /** Grows by doubling: many small parts cost no more than a few large ones. */
  #append(part: Uint8Array): void {
    const length = this.#length + part.byteLength;
    if (length > SEAL_LIMITS.messageBytes) {
      throw new TooBigError(`Cannot read a message: want at most ${SEAL_LIMITS.messageBytes} bytes, got more`);
    }
    if (length > this.#bytes.byteLength) {
      const bytes = new Uint8Array(Math.max(length, 2 * this.#bytes.byteLength));
      bytes.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = bytes;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
  }
}

function readHeader([header = 0]: Uint8Array): { kind: number; isLast: boolean } {
  const kind = header & ~MORE;
  const isLast = header === kind;
  const mayBeCut = kind === KINDS.text || kind === KINDS.binary;
  const isWhole = isLast && (kind === KINDS.close || kind === KINDS.arrived);
  if (!mayBeCut && !isWhole) throw unreadable("a kind that there is, and text or binary if more follows", header);
  return { kind, isLast };
}

function understand(kind: number, bytes: Uint8Array<ArrayBuffer>): Message {
  if (kind === KINDS.text) return { kind: "text", text: decode(bytes) };
  if (kind === KINDS.binary) return { kind: "binary", bytes };
  return { kind: "close", close: readClose(bytes) };
}

function readArrived(bytes: Uint8Array): number {
  if (bytes.byteLength !== ARRIVED_BYTES) throw unreadable("a number of 4 bytes", bytes.byteLength);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

function readClose(bytes: Uint8Array): SealedClose {
  if (bytes.byteLength === 0) return { code: NO_CODE, reason: "" };
  if (bytes.byteLength < 2) throw unreadable("a code of 2 bytes", 1);
  if (bytes.byteLength > 2 + WIRE_LIMITS.closeReasonBytes) throw unreadable("a short reason", bytes.byteLength);
  const code = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0);
  if (!isCloseCode(code)) throw unreadable("1000, or a code from 3000 to 4999", code);
  return { code, reason: decode(bytes.subarray(2)) };
}

/** A byte order mark is text like any other. Throws for what is no UTF-8. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function unreadable(want: string, got: number): TypeError {
  return new TypeError(`Cannot read a record: want ${want}, got ${got}`);
}
