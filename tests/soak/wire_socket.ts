/**
 * A WebSocket client on raw TCP, or TLS over it, that hundreds of peers can afford, and that can also end as no API lets one end.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { frameOf, handshake, type Target } from "../helpers/raw.ts";
import { trusting } from "../helpers/trust.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** How a client leaves: with a close frame, with a FIN, or with a reset. */
export type Departure = "close" | "FIN" | "RST";

/** How a socket ended; no code: without a close frame. */
export interface Ending {
  readonly code: number | undefined;
  readonly reason: string;
}

/** Who hears a socket. */
export interface WireListener {
  message(opcode: number, payload: Buffer): void;
  ended(ending: Ending): void;
}

/** What carries one side of a conversation: a socket, or a stream. */
export interface Carrier {
  readonly opened: Promise<void>;
  send(opcode: number, payload: Uint8Array): void;
  /** Any bytes, also such as no client may send. */
  sendRaw(bytes: Uint8Array): void;
  leave(how: Departure, close?: { code: number; reason: string }): void;
}

interface ServerFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
}

const FINAL = 0x80;
const HEAD_END = "\r\n\r\n";
/** Not zero, so that the relay is not spared the unmasking. */
const MASK = [0x37, 0xfa, 0x21, 0x3d];

/** One connection, upgraded. */
export class WireSocket implements Carrier {
  readonly opened: Promise<void>;
  readonly #listener: WireListener;
  readonly #tcp: Socket;
  /** TLS, or the same. */
  readonly #socket: Socket;
  readonly #opening = Promise.withResolvers<void>();
  #buffer: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #isClosing = false;
  #ending: Ending | undefined;
  /** The message that has begun: what it is, and its fragments. */
  #opcode = 0;
  #fragments: Buffer[] = [];

  constructor({ port, isTls }: Target, readonly path: string, listener: WireListener) {
    this.#listener = listener;
    this.opened = this.#opening.promise;
    this.opened.catch(() => {}); // also those who never wait
    this.#tcp = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket = isTls ? secured(this.#tcp) : this.#tcp;
    this.#socket.on(isTls ? "secureConnect" : "connect", () => this.#socket.write(handshake(path)));
    this.#socket.on("data", (chunk: Buffer) => this.#received(chunk));
    this.#socket.on("error", () => {}); // "close" follows
    this.#socket.on("close", () => this.#closed());
  }

  send(opcode: number, payload: Uint8Array): void {
    this.sendRaw(maskedFrame(opcode, payload));
  }

  /** Any bytes, also such as no client may send. */
  sendRaw(bytes: Uint8Array): void {
    if (this.#isOpen && !this.#isClosing) this.#socket.write(bytes);
  }

  /** Leaves. After FIN and RST nothing is heard any more but the end. */
  leave(how: Departure, { code = 1000, reason = "" } = {}): void {
    if (how === "close") this.#sendClose(code, reason);
    else if (how === "FIN") this.#socket.destroy();
    else this.#tcp.resetAndDestroy();
  }

  #sendClose(code: number, reason: string): void {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    this.send(OPCODE.close, payload);
    this.#isClosing = true;
  }

  #received(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    if (!this.#isOpen && !this.#readHead()) return;
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) this.#hear(frame);
  }

  #readHead(): boolean {
    const end = this.#buffer.indexOf(HEAD_END);
    if (end < 0) return false;
    const head = this.#buffer.toString("latin1", 0, end);
    this.#buffer = this.#buffer.subarray(end + HEAD_END.length);
    this.#isOpen = head.startsWith("HTTP/1.1 101 ");
    if (this.#isOpen) this.#opening.resolve();
    else this.#opening.reject(new Error(`Cannot upgrade ${this.path}: want status 101, got ${head.split("\r\n")[0]}`));
    return this.#isOpen;
  }

  #hear({ opcode, isFinal, payload }: ServerFrame): void {
    if (opcode === OPCODE.ping) this.send(OPCODE.pong, payload);
    else if (opcode === OPCODE.close) this.#hearClose(payload);
    else if (opcode !== OPCODE.pong) this.#hearPart(opcode, isFinal, payload);
  }

  /** What a stream says comes in fragments. */
  #hearPart(opcode: number, isFinal: boolean, payload: Buffer): void {
    if (opcode !== OPCODE.continuation) this.#opcode = opcode;
    this.#fragments.push(payload);
    if (!isFinal) return;
    const message = this.#fragments.length === 1 ? payload : Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#listener.message(this.#opcode, message);
  }

  #hearClose(payload: Buffer): void {
    const code = payload.length < 2 ? 1005 : payload.readUInt16BE();
    this.#ending = { code, reason: payload.toString("utf8", 2) };
    if (!this.#isClosing) this.sendRaw(maskedFrame(OPCODE.close, payload));
    this.#isClosing = true;
    this.#socket.end();
  }

  #closed(): void {
    this.#opening.reject(new Error(`Cannot upgrade ${this.path}: the relay hung up`));
    this.#listener.ended(this.#ending ?? { code: undefined, reason: "" });
  }

  #take(): ServerFrame | undefined {
    const header = headerOf(this.#buffer);
    if (header === undefined || this.#buffer.length < header.bytes + header.length) return;
    const payload = this.#buffer.subarray(header.bytes, header.bytes + header.length);
    const [opcode, isFinal] = [this.#buffer[0] & 0x0f, (this.#buffer[0] & FINAL) !== 0];
    this.#buffer = this.#buffer.subarray(header.bytes + header.length);
    return { opcode, isFinal, payload };
  }
}

function secured(socket: Socket): Socket {
  return connectTls({ socket, host: "127.0.0.1", ca: trusting().caCerts });
}

/** What a server's frame header says; undefined while it is incomplete. */
function headerOf(buffer: Buffer): { bytes: number; length: number } | undefined {
  if (buffer.length < 2) return;
  const short = buffer[1];
  const bytes = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (buffer.length < bytes) return;
  const length = short === 127 ? Number(buffer.readBigUInt64BE(2)) : short === 126 ? buffer.readUInt16BE(2) : short;
  return { bytes, length };
}

function maskedFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = frameOf(opcode, payload);
  const start = frame.length - payload.length;
  frame.set(MASK, start - MASK.length);
  for (let i = 0; i < payload.length; i++) frame[start + i] ^= MASK[i & 3];
  return frame;
}
