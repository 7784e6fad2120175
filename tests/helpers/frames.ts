/** Client frames as `ws` sends them, what `ws` hears in a stream of frames, and a walker in between. */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import * as ws from "ws";
import { FrameWalker, type FrameWalkerOptions } from "../../src/server/websocket/frame_walker.ts";
import { FrameBuffer } from "../../src/server/websocket/unmask.ts";
import { type Message, Part } from "../../src/server/core/message.ts";
import { encodeClose, HEADER_BYTES, writeHeader } from "../../src/server/websocket/encode.ts";

/** What an endpoint hears, payloads in hexadecimal: a message, a ping or pong, a close, or a failure with its code. */
export type Heard = readonly [what: string, ...unknown[]];

/** A frame as a client may send it, rightly or not. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly fin?: boolean;
  /** A number from 0 to 7. */
  readonly reserved?: number;
  readonly masked?: boolean;
  readonly key?: Uint8Array;
}

/** The parts of `ws` that its types leave out, as far as they are used here. */
const { Receiver, Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: Record<string, unknown>): Buffer[] };
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => {
    // deno-lint-ignore no-explicit-any
    on(event: string, listener: (...values: any[]) => void): void;
    _write(chunk: Buffer, encoding: string, done: (error?: Error) => void): void;
  };
};

/** Long enough for any control frame that waits for its rest, and for any header. */
const CARRIED_BYTES = 130;

const KEY = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);

/** What the relay's own pings carry. */
export const OWN_PING = new TextEncoder().encode("relay!");

/** The bytes of a client's frame. */
export function clientFrame(frame: ClientFrame): Uint8Array<ArrayBuffer> {
  const { opcode, payload = "", fin = true, reserved = 0, masked = true, key = KEY } = frame;
  const generateMask = (mask: Uint8Array) => mask.set(key);
  const options = { opcode, fin, mask: masked, readOnly: true, generateMask, maskBuffer: Buffer.alloc(4) };
  const bytes = concat(Sender.frame(Buffer.from(payload as string), options));
  bytes[0] |= reserved << 4;
  return bytes;
}

/** A whole message in one frame, as the relay sends it. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const part = Part.of(message);
  const frame = new Uint8Array(HEADER_BYTES + part.byteLength);
  const payloadAt = writeHeader(frame, 0, part);
  frame.set(part.bytes, payloadAt);
  return frame.slice(0, payloadAt + part.byteLength);
}

/** What `ws` hears as the server of a client that sends these chunks, or as the client of a server that does. */
export function heardBy(role: "server" | "client", chunks: readonly Uint8Array[], maxPayload = 0): Heard[] {
  const heard: Heard[] = [];
  const receiver = new Receiver({ isServer: role === "server", maxPayload });
  receiver.on("message", (data: Buffer, isBinary: boolean) => heard.push([isBinary ? "binary" : "text", hex(data)]));
  receiver.on("ping", (data: Buffer) => heard.push(["ping", hex(data)]));
  receiver.on("pong", (data: Buffer) => heard.push(["pong", hex(data)]));
  receiver.on("conclude", (code: number, reason: Buffer) => heard.push(["close", code, hex(reason)]));
  const fail = (error?: Error) => error && heard.push(["failure", statusOf(error)]);
  for (const chunk of chunks) {
    // Not `write`, which would leave part of the work to a later turn.
    if (chunk.length > 0 && heard.at(-1)?.[0] !== "failure") receiver._write(Buffer.from(chunk), "", fail);
  }
  return heard;
}

/** What `ws` hears as a client behind the relay. A violation, which the relay answers, is a failure here too. */
export function heardThrough(walker: FrameWalker, chunks: readonly Uint8Array[]): Heard[] {
  const output = carried(walker, chunks);
  const heard = heardBy("client", walker.closed === undefined ? output : [...output, encodeClose(walker.closed)]);
  return walker.violation === undefined ? heard : [...heard, ["failure", walker.violation.code]];
}

/**
 * What a walker makes of these chunks, each read into larger memory. Checks that it stays within its chunk, and keeps no
 * more from one to the next than it may.
 */
export function carried(walker: FrameWalker, chunks: readonly Uint8Array[]): Uint8Array[] {
  return chunks.map((chunk) => {
    const memory = new FrameBuffer(new Uint8Array(chunk.length + 5).fill(0xa5).buffer);
    memory.bytes.set(chunk);
    const output = walker.walk(memory, chunk.length);
    assertEquals([...memory.bytes.subarray(chunk.length)].every(isGuard), true);
    assertEquals(output.length <= chunk.length + CARRIED_BYTES, true);
    assertEquals(output.buffer.byteLength <= memory.bytes.length + CARRIED_BYTES, true);
    return output.slice();
  });
}

/** Hands a walker a chunk as if it were just read. */
export function walk(walker: FrameWalker, chunk: Uint8Array): Uint8Array {
  return walker.walk(new FrameBuffer(chunk.slice().buffer), chunk.length);
}

/** A walker with room for all that tests send. */
export function walkerOf(options: Partial<FrameWalkerOptions> = {}): FrameWalker {
  return new FrameWalker({ maxMessageBytes: 2 ** 26, ownPing: OWN_PING, ...options });
}

/** The bytes in pieces of these sizes, and the rest in one. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) pieces.push(bytes.subarray(at, at += size));
  return [...pieces, bytes.subarray(at)].filter(({ length }) => length > 0);
}

/** The bytes in pieces of one size. */
export function chopped(bytes: Uint8Array, size: number): Uint8Array[] {
  return cut(bytes, Array<number>(Math.floor(bytes.length / size)).fill(size));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

export function hex(payload: Uint8Array | string): string {
  return Buffer.from(payload as string).toString("hex");
}

function isGuard(byte: number): boolean {
  return byte === 0xa5;
}

/** `ws` keeps the close code of an error under a symbol of its own. */
function statusOf(error: Error): unknown {
  const status = Object.getOwnPropertySymbols(error).find(({ description }) => description === "status-code");
  return (error as unknown as Record<symbol, unknown>)[status!];
}
