/**
 * Turns the WebSocket frames of one peer into frames for the other, and finds violations of RFC 6455.
 *
 * A relay changes nothing but the headers: a client masks what it sends, a server does not. So each chunk is rewritten
 * within its own buffer:
 *
 *     read      81 85 37 fa 21 3d 7f 9f 4d 51 58   82 ...
 *     written   81 05 48 65 6c 6c 6f   82 ...
 *
 * A frame that is larger than a chunk streams through. Only a cut header, or a cut control frame, waits for its rest.
 * So the output never ends within one, and control frames may be inserted whenever {@link FrameWalker.atFrameBoundary}.
 *
 * The relay checks text, which RFC 6455 leaves to the receiver: on Node, text that is not UTF-8 ends a receiver without
 * a listener for errors. The client of relay 4 is one, and its own relay never passed such text on.
 *
 * @module
 */

import { isUtf8 } from "node:buffer";
import { CLOSE, type Close } from "../../protocol.ts";
import { CONTROL_BYTES, encodePong, FINAL, NO_CODE, OPCODE } from "./encode.ts";
import { FrameBuffer } from "./unmask.ts";
import { Utf8Check } from "./utf8.ts";

/** Violations of the protocol, and how the relay closes the socket. */
export const VIOLATION = {
  unmasked: { code: 1002, reason: "frame is not masked" },
  reservedBits: { code: 1002, reason: "reserved bits are set" },
  unknownOpcode: { code: 1002, reason: "opcode is unknown" },
  fragmentedControl: { code: 1002, reason: "control frame is fragmented" },
  longControl: { code: 1002, reason: "control frame is longer than 125 bytes" },
  strayContinuation: { code: 1002, reason: "continuation without a start" },
  interruptedMessage: { code: 1002, reason: "message starts inside another" },
  paddedLength: { code: 1002, reason: "length is not minimal" },
  negativeLength: { code: 1002, reason: "length has its top bit set" },
  shortClose: { code: 1002, reason: "close body of 1 byte" },
  closeCode: { code: 1002, reason: "close code is not for the wire" },
  closeReason: { code: 1007, reason: "close reason is not UTF-8" },
  text: { code: 1007, reason: "text is not UTF-8" },
  tooBig: CLOSE.tooBig,
} as const satisfies Record<string, Close>;

/** The contents of one chunk. Frames count where they end, payload bytes where they are. */
export class ChunkContents {
  /** Messages that have ended. */
  messages = 0;
  /** Frames without payload, which a bound on bytes does not bound. */
  emptyFrames = 0;
  /** First frames of messages, and payload bytes of all their frames. */
  text = 0;
  binary = 0;
  textBytes = 0;
  binaryBytes = 0;
}

/** What a walker needs to know. */
export interface FrameWalkerOptions {
  /** Payload bytes of one message, in all its fragments. */
  readonly maxMessageBytes: number;
  /** Payload of the relay's own pings. A pong with exactly this is for the relay, and not passed on. */
  readonly ownPing: Uint8Array;
}

/** Bits of the first byte of a frame, besides {@link FINAL}. */
const RESERVED = 0x70;
const OPCODES = 0x0f;
const CONTROL = 0x08;
/** Bits of the second byte. */
const MASKED = 0x80;
const LENGTH = 0x7f;

const KEY_BYTES = 4;

/**
 * One direction of a connection.
 *
 * While the connection is pending, its output is kept, and written first when there is another side. The stream of
 * output is the same, wherever it was cut into chunks.
 */
export class FrameWalker {
  /** While there is no other side: {@link pong} answers pings, and neither pings nor pongs are passed on. */
  answersPings = false;
  /** The answer to the latest ping of the last chunk, if {@link answersPings}. */
  pong: Uint8Array<ArrayBuffer> | undefined;
  /** The peer's close, with 1005 if it gave no code. It is not part of the output. What follows it is ignored. */
  closed: Close | undefined;
  /** The close for a peer that broke the protocol. Frames before it are in the output. What follows it is ignored. */
  violation: Close | undefined;
  /** The contents of the last chunk. */
  contents = new ChunkContents();
  /** Pings and pongs of the last chunk, with those that are not passed on. */
  controlFrames = 0;
  /**
   * Bytes at the end of the last output that belong to a frame that has not ended: `Infinity` for all and earlier ones.
   */
  tail = 0;

  readonly #maxMessageBytes: number;
  readonly #ownPing: Uint8Array;
  /** The beginning of a header or control frame. */
  #cut: Uint8Array | undefined;
  /** Payload bytes of the current frame that have not come. */
  #left = 0;
  /** Its masking key, rotated so that the byte for the next payload byte is lowest. */
  #key = 0;
  /** Its first byte. */
  #start = 0;
  /** Type of the message that has not ended; 0 for none. */
  #type = 0;
  /** Bytes of that message, with the whole current frame. */
  #size = 0;
  /** The check of a message that is text. */
  #utf8 = new Utf8Check();
  /** Payload of the latest ping of a chunk: of several only that one needs an answer (RFC 6455, 5.5.3). */
  #ping: Uint8Array | undefined;
  #pingLength = 0;

  constructor({ maxMessageBytes, ownPing }: FrameWalkerOptions) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#ownPing = ownPing;
  }

  /** Whether a close or a violation has ended it. */
  get hasEnded(): boolean {
    return this.closed !== undefined || this.violation !== undefined;
  }

  /** The output ends between two frames: a ping or close may be inserted. */
  get atFrameBoundary(): boolean {
    return this.#left === 0;
  }

  /**
   * Turns the first `length` bytes of `buffer`, which were read, into bytes to write: at the start of the buffer, too,
   * unless a cut header precedes them. Never throws.
   */
  walk(buffer: FrameBuffer, length: number): Uint8Array<ArrayBuffer> {
    this.contents = new ChunkContents();
    this.controlFrames = 0;
    this.pong = this.#ping = undefined;
    if (this.hasEnded) return NOTHING;
    const walk = this.#cut === undefined
      ? new Walk(buffer, length)
      : joined(this.#cut, buffer.bytes.subarray(0, length));
    this.#cut = undefined;
    for (let goesOn = true; goesOn && walk.read < walk.end;) {
      goesOn = this.#left > 0 ? this.#payload(walk) : this.#frame(walk);
    }
    this.tail = this.#left === 0 ? 0 : walk.written - (walk.frameAt ?? -Infinity);
    this.pong = this.#answer();
    return walk.output();
  }

  #answer(): Uint8Array<ArrayBuffer> | undefined {
    return this.#ping && encodePong(this.#ping.subarray(0, this.#pingLength));
  }

  /** Reads on from the start of a frame. Like all steps, it says whether another step is possible. */
  #frame(walk: Walk): boolean {
    const { read, end, buffer: { bytes } } = walk;
    if (end - read < 2) return this.#keep(walk);
    const start = bytes[read];
    const second = bytes[read + 1];
    const violation = this.#violationOf(start, second);
    if (violation !== undefined) return this.#violate(violation);
    return (start & CONTROL) === 0 ? this.#message(walk) : this.#control(walk);
  }

  #violationOf(start: number, second: number): Close | undefined {
    const opcode = start & 0x0f;
    if ((second & MASKED) === 0) return VIOLATION.unmasked;
    if ((start & RESERVED) !== 0) return VIOLATION.reservedBits;
    if ((opcode & 7) > 2) return VIOLATION.unknownOpcode;
    if ((opcode & CONTROL) !== 0) {
      if ((start & FINAL) === 0) return VIOLATION.fragmentedControl;
      if ((second & LENGTH) > CONTROL_BYTES) return VIOLATION.longControl;
    } else if ((opcode === OPCODE.continuation) !== (this.#type !== 0)) {
      return opcode === OPCODE.continuation ? VIOLATION.strayContinuation : VIOLATION.interruptedMessage;
    }
  }

  /** Reads the length of a data frame, before anything is written. */
  #message(walk: Walk): boolean {
    const { buffer: { bytes }, read, end } = walk;
    const shortLength = bytes[read + 1] & LENGTH;
    const headerLength = shortLength < 126 ? 2 : shortLength === 126 ? 4 : 10;
    if (end - read < headerLength) return this.#keep(walk);
    const length = shortLength < 126 ? shortLength : longLength(bytes, read + 2, headerLength - 2);
    if (typeof length !== "number") return this.#violate(length);
    if (this.#size + length > this.#maxMessageBytes) return this.#violate(VIOLATION.tooBig);
    return end - read < headerLength + KEY_BYTES ? this.#keep(walk) : this.#begin(walk, headerLength, length);
  }

  /** Writes its header, and what has come of its payload. */
  #begin(walk: Walk, headerLength: number, length: number): boolean {
    this.#key = walk.buffer.keyAt(walk.read + headerLength);
    this.#start = walk.header(headerLength);
    this.#left = length;
    this.#size += length;
    if (length === 0) this.contents.emptyFrames++;
    const opcode = this.#start & OPCODES;
    if (opcode !== OPCODE.continuation) this.#type = opcode;
    return this.#payload(walk);
  }

  #payload(walk: Walk): boolean {
    const { buffer, read, written } = walk;
    const taken = Math.min(this.#left, walk.end - read);
    const end = written + taken;
    this.#key = buffer.unmask(read, written, end, this.#key);
    const isEnd = taken === this.#left;
    if (this.#type === OPCODE.text && !this.#isText(buffer.bytes, written, end, isEnd)) return this.#takeBack(walk);
    walk.read = read + taken;
    walk.written = end;
    this.#left -= taken;
    if (this.#type === OPCODE.text) this.contents.textBytes += taken;
    else this.contents.binaryBytes += taken;
    if (isEnd) this.#endFrame();
    return true;
  }

  /** Whether a piece of text is UTF-8, and not cut within a character at the end of the message. */
  #isText(bytes: Uint8Array, from: number, end: number, isFrameEnd: boolean): boolean {
    const isEnd = isFrameEnd && (this.#start & FINAL) !== 0;
    return this.#utf8.accepts(bytes, from, end) && (!isEnd || this.#utf8.isWhole);
  }

  #endFrame(): void {
    const opcode = this.#start & OPCODES;
    if (opcode === OPCODE.text) this.contents.text++;
    else if (opcode === OPCODE.binary) this.contents.binary++;
    if ((this.#start & FINAL) === 0) return;
    this.contents.messages++;
    this.#type = 0;
    this.#size = 0;
  }

  /** A control frame has at most 131 bytes, so it waits until it is whole. */
  #control(walk: Walk): boolean {
    const { buffer, read, written } = walk;
    const length = buffer.bytes[read + 1] & LENGTH;
    if (walk.end - read < 2 + KEY_BYTES + length) return this.#keep(walk);
    const opcode = walk.header(2) & OPCODES;
    const end = walk.written + length;
    if (length > 0) buffer.unmask(walk.read, walk.written, end, buffer.keyAt(read + 2));
    const crosses = this.#note(opcode, buffer.bytes, walk.written, end);
    walk.read += length;
    walk.written = crosses ? end : written;
    return opcode !== OPCODE.close;
  }

  /**
   * Notes a control frame, whose payload stands from `at` to `end`; says whether it is passed on. Most are not worth a
   * view of their payload, which costs more than all else.
   */
  #note(opcode: number, bytes: Uint8Array, at: number, end: number): boolean {
    if (opcode === OPCODE.close) {
      this.#close(bytes.subarray(at, end));
      return false;
    }
    this.controlFrames++;
    if (opcode === OPCODE.pong && this.#isOwn(bytes, at, end)) return false;
    if (opcode === OPCODE.ping && this.answersPings) this.#keepPing(bytes, at, end);
    return !this.answersPings;
  }

  #isOwn(bytes: Uint8Array, at: number, end: number): boolean {
    const own = this.#ownPing;
    return end - at === own.length && own.every((byte, i) => byte === bytes[at + i]);
  }

  /** A copy: the next frames overwrite it. */
  #keepPing(bytes: Uint8Array, at: number, end: number): void {
    const ping = this.#ping ??= new Uint8Array(CONTROL_BYTES);
    this.#pingLength = end - at;
    for (let i = 0; at < end; i++, at++) ping[i] = bytes[at];
  }

  #close(body: Uint8Array): void {
    this.violation = closeViolation(body);
    if (this.violation !== undefined) return;
    this.closed = body.length === 0
      ? { code: NO_CODE, reason: "" }
      : { code: closeCode(body), reason: decoder.decode(body.subarray(2)) };
  }

  /** Keeps the rest of the chunk for the next one. */
  #keep(walk: Walk): false {
    this.#cut = walk.rest();
    return false;
  }

  #violate(violation: Close): false {
    this.violation = violation;
    return false;
  }

  /** Bad text is not passed on, nor is its frame, if that began in this chunk. */
  #takeBack(walk: Walk): false {
    if (walk.frameAt !== undefined) {
      walk.written = walk.frameAt;
      this.#left = 0;
      if ((this.#start & OPCODES) !== OPCODE.continuation) this.#type = 0;
    }
    return this.#violate(VIOLATION.text);
  }
}

/** A chunk: how far it was read, and how far it was overwritten. Positions are those of its buffer. */
class Walk {
  read = 0;
  written = 0;
  /** Where the latest header was written. */
  frameAt: number | undefined;

  constructor(readonly buffer: FrameBuffer, readonly end: number) {}

  /** Writes the header at the reading position, without its mask; returns its first byte. */
  header(length: number): number {
    const { buffer: { bytes }, read, written } = this;
    for (let at = 0; at < length; at++) bytes[written + at] = bytes[read + at];
    bytes[written + 1] &= LENGTH;
    this.frameAt = written;
    this.read = read + length + KEY_BYTES;
    this.written = written + length;
    return bytes[written];
  }

  output(): Uint8Array<ArrayBuffer> {
    return this.buffer.bytes.subarray(0, this.written);
  }

  /** A copy of what is not read. */
  rest(): Uint8Array {
    return this.buffer.bytes.slice(this.read, this.end);
  }
}

const NOTHING = new Uint8Array();

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The length of 2 or 8 bytes that follows the first two bytes, or its violation. */
function longLength(bytes: Uint8Array, at: number, size: number): number | Close {
  const high = size === 2 ? 0 : wordAt(bytes, at);
  const length = size === 2 ? (bytes[at] << 8) | bytes[at + 1] : high * 2 ** 32 + wordAt(bytes, at + 4);
  if (high >= 2 ** 31) return VIOLATION.negativeLength;
  return length < (size === 2 ? 126 : 2 ** 16) ? VIOLATION.paddedLength : length;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function closeViolation(body: Uint8Array): Close | undefined {
  if (body.length === 0) return;
  if (body.length === 1) return VIOLATION.shortClose;
  if (!isForTheWire(closeCode(body))) return VIOLATION.closeCode;
  if (!isUtf8(body.subarray(2))) return VIOLATION.closeReason;
}

function closeCode(body: Uint8Array): number {
  return (body[0] << 8) | body[1];
}

/** Codes that may be sent, and those for applications. */
function isForTheWire(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

function joined(first: Uint8Array, second: Uint8Array): Walk {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return new Walk(new FrameBuffer(whole.buffer), whole.length);
}
