/**
 * The bytes that cross the wire, built once: both servers are sent the same.
 *
 * @module
 */

import { encode } from "@std/msgpack";
import { Buffer } from "node:buffer";

const FINAL = 0x80;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const MASKED = 0x80;
/** Not zero, so that no server is spared the unmasking. */
const MASK = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);

const encoder = new TextEncoder();

/** The opening handshake of a socket path. */
export function handshake(path: string): Uint8Array<ArrayBuffer> {
  return encoder.encode([
    `GET ${path} HTTP/1.1`,
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n"));
}

/** What a message consists of. */
export type Kind = "text" | "binary";

/** One message as a client sends it. */
export function maskedFrame(payload: Uint8Array, kind: Kind): Uint8Array<ArrayBuffer> {
  const head = header(kind, payload.length);
  head[1] |= MASKED;
  return concat([head, MASK, payload.map((byte, at) => byte ^ MASK[at & 3])]);
}

/** The same message as a server sends it. */
export function plainFrame(payload: Uint8Array, kind: Kind): Uint8Array<ArrayBuffer> {
  return concat([header(kind, payload.length), payload]);
}

/** A client's close frame with code 1000. */
export const CLOSE_FRAME = new Uint8Array([FINAL | CLOSE, MASKED | 2, 0, 0, 0, 0, 1000 >> 8, 1000 & 255]);

/** A `Join` in the ancestor's own spelling, which this relay knows as well. */
export function joinFrame(documentIds: string[]): Uint8Array<ArrayBuffer> {
  return maskedFrame(encode({ type: "Join", documentIds }), "binary");
}

/** The same for protocol 5. */
export function joinArray(join: string[]): Uint8Array<ArrayBuffer> {
  return maskedFrame(new TextEncoder().encode(JSON.stringify([{ type: "Join", join }])), "text");
}

/** `times` copies of a frame in one buffer, to be sent in one write. */
export function burst(frame: Uint8Array, times: number): Uint8Array<ArrayBuffer> {
  return concat(Array<Uint8Array>(times).fill(frame));
}

/** What several counters have counted together. */
export interface Tally {
  messages: number;
}

/** Counts the messages in a stream of server frames without keeping them. */
export class MessageCounter {
  readonly #head: number[] = [];
  #unread = 0;

  constructor(readonly tally: Tally) {}

  push(bytes: Uint8Array, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#unread === 0) {
        this.#readHeader(bytes[at++]);
      } else {
        const taken = Math.min(this.#unread, length - at);
        this.#unread -= taken;
        at += taken;
        if (this.#unread === 0) this.#end();
      }
    }
  }

  #readHeader(byte: number): void {
    const length = this.#head.push(byte);
    if (length < 2 || length < headerBytes(this.#head[1])) return;
    this.#unread = payloadBytes(this.#head);
    if (this.#unread === 0) this.#end();
  }

  #end(): void {
    if (this.#head[0] === (FINAL | BINARY)) this.tally.messages++;
    this.#head.length = 0;
  }
}

function header(kind: Kind, length: number): Uint8Array {
  const start = FINAL | (kind === "text" ? TEXT : BINARY);
  if (length < 126) return new Uint8Array([start, length]);
  if (length < 65536) return new Uint8Array([start, 126, length >> 8, length & 255]);
  const head = new Uint8Array(10);
  head.set([start, 127]);
  new DataView(head.buffer).setBigUint64(2, BigInt(length));
  return head;
}

function headerBytes(shortLength: number): number {
  return shortLength < 126 ? 2 : shortLength === 126 ? 4 : 10;
}

function payloadBytes(head: number[]): number {
  return head.length === 2 ? head[1] : head.slice(2).reduce((length, byte) => length * 256 + byte, 0);
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** How protocol 5 says what is counted. */
const INTRODUCTION = '"type":"Introduction"';

/** Counts introductions of protocol 5, of which one frame may have many. */
export class IntroductionCounter {
  readonly #tally: Tally;
  /** The end of what came before, in which one may have begun. */
  #rest = "";

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** As text of a unit a byte, which is searched five times as fast as bytes are. */
  push(buffer: Uint8Array<ArrayBuffer>, length: number): void {
    const text = this.#rest + Buffer.from(buffer.buffer, buffer.byteOffset, length).toString("latin1");
    let end = 0;
    for (let at = text.indexOf(INTRODUCTION); at >= 0; at = text.indexOf(INTRODUCTION, end)) {
      this.#tally.messages += 1;
      end = at + INTRODUCTION.length;
    }
    this.#rest = text.slice(Math.max(end, text.length - INTRODUCTION.length + 1));
  }
}
