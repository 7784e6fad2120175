/**
 * WebSocket messages as the whole relay passes them on.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** One WebSocket message. Text is a string, binary is bytes, and neither ever becomes the other. */
export type Message = string | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Bytes of a message on the wire, without its header. */
export function messageBytes(message: Message): number {
  return typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
}

/** A binary message as bytes, in the same memory. */
export function asBytes(message: Exclude<Message, string>): Uint8Array<ArrayBuffer> {
  return message instanceof Uint8Array ? message : new Uint8Array(message);
}
