/**
 * What `send()` and `close()` of a WebSocket take.
 *
 * @module
 */

import { utf8Length, WIRE_LIMITS } from "../../protocol.ts";

/** What can be sent. */
export type Sendable = string | ArrayBufferLike | ArrayBufferView | Blob;

/** A message on its way out. */
export interface Payload {
  readonly isText: boolean;
  /** Bytes. */
  readonly size: number;
  /** Memory of whoever sends, which may change as soon as `send()` returns; of a `Blob`, memory of our own. */
  readonly bytes: Uint8Array | Promise<Uint8Array>;
}

/** The message that something is sent as: as WebSockets do it, what is neither text nor binary is made text. */
export function payloadOf(data: Sendable): Payload {
  if (typeof data !== "string") {
    if (isBlob(data)) return payloadOfBlob(data);
    if (isBuffer(data) || ArrayBuffer.isView(data)) {
      return { isText: false, size: data.byteLength, bytes: viewOf(data) };
    }
  }
  const bytes = new TextEncoder().encode(String(data));
  return { isText: true, size: bytes.byteLength, bytes };
}

/** Whether `close()` of a WebSocket takes it. */
export function isCloseCode(code: number): boolean {
  return code === 1000 || (code >= 3000 && code <= 4999);
}

/** Throws a `DOMException` for what no WebSocket can be closed with. */
export function checkClose(code: number | undefined, reason: string): void {
  if (code !== undefined && !isCloseCode(code)) {
    throw new DOMException(`Cannot close: want 1000, or a code from 3000 to 4999, got ${code}`, "InvalidAccessError");
  }
  const bytes = utf8Length(reason);
  if (bytes <= WIRE_LIMITS.closeReasonBytes) return;
  const most = WIRE_LIMITS.closeReasonBytes;
  throw new DOMException(`Cannot close: want a reason of at most ${most} bytes, got ${bytes}`, "SyntaxError");
}

/** Frames of the same page have classes of their own: what it calls itself is what counts. */
function isBlob(data: unknown): data is Blob {
  return /^\[object (Blob|File)\]$/.test(Object.prototype.toString.call(data));
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(data));
}

function payloadOfBlob(blob: Blob): Payload {
  const bytes = readBlob(blob);
  // One that waits behind another is awaited later, or never.
  bytes.catch(() => {});
  return { isText: false, size: blob.size, bytes };
}

async function readBlob(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

function viewOf(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
