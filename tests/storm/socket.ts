/**
 * One socket of a storm: it writes in pieces that end anywhere, reads at its own pace, and leaves in one of many ways.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Pace } from "../helpers/pace.ts";
import { handshake, RawConnection, type Target } from "../helpers/raw.ts";
import type { Chance } from "../soak/chance.ts";
import { closeFrame, frameOf, OPCODE } from "./framing.ts";
import { ServerFrames } from "./server_frames.ts";

/** How a socket leaves: behind a whole message, or within one. */
export type Departure = "close" | "close in a message" | "FIN" | "FIN in a frame" | "RST" | "RST in a frame";

/** Who speaks and hears. */
export interface SocketUser {
  /** Says all that it has to say, up to its departure. */
  speak(socket: StormSocket): Promise<void>;
  /** There is nothing more to say: the relay has closed, or hung up. */
  stopped(): void;
  /** A message begins; bytes of it, which are the socket's again afterwards; its end. */
  began(isText: boolean): void;
  came(bytes: Buffer): void;
  ended(): void;
}

/** What a socket needs. */
export interface SocketOptions {
  readonly path: string;
  readonly chance: Chance;
  readonly pace: Pace;
  /** It rests once, for so many milliseconds, as soon as much has come. */
  readonly longRestMs?: number;
}

const KIB = 1024;
/** The code that sides close with. */
export const FAREWELL = 4_200;
/** Where a write may end: in a header, at the size of a buffer, of a record of TLS. */
const CUTS = [1, 2, 3, 6, 14, 125, 512, 4 * KIB, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 66 * KIB, 528 * KIB];
/** Bytes that are worth cutting often. */
export const SMALL = 64 * KIB;
/** Bytes of one read. */
const READ_BYTES = 64 * KIB;
/** One read of so many is followed by a rest, of so many milliseconds at most. */
const RESTS = 100;
const REST_MS = 120;
const STARVED_MS = 500;
/** Bytes that have come before a long rest. */
const MUCH = 128 * KIB;
/** Milliseconds of that: in the least, bulk fills the buffers of two kernels and the relay. */
const LONG_REST_MS = { least: 400, most: 1_200 };
const HEAD_END = "\r\n\r\n";

/** One socket, from its request to its end. */
export class StormSocket {
  /** How the relay closed it; undefined: it hung up. */
  code: number | undefined;
  readonly #options: SocketOptions;
  readonly #user: SocketUser;
  readonly #connection: Deno.Conn;
  readonly #frames: ServerFrames;
  readonly #opened = Promise.withResolvers<void>();
  /** The relay has let it in. */
  readonly opened = this.#opened.promise;
  #answers: Uint8Array[] = [];
  #speaking: Promise<void> | undefined;
  #head = "";
  /** When the write under way began. */
  #writesSince: number | undefined;
  #hasClosed = false;
  #isClosedByRelay = false;
  #isStopped = false;
  #isDeaf = false;

  constructor(connection: Deno.Conn, user: SocketUser, options: SocketOptions) {
    this.#connection = connection;
    this.#user = user;
    this.#options = options;
    this.#frames = new ServerFrames({
      began: (isText) => user.began(isText),
      came: (bytes) => user.came(bytes),
      ended: () => user.ended(),
      control: (opcode, payload) => this.#control(opcode, payload),
      broken: (what) => {
        throw new Error(`${options.path}: the relay sent ${what}`);
      },
    });
    this.opened.catch(() => {});
  }

  static async connect(target: Target): Promise<Deno.Conn> {
    const { connection } = await RawConnection.open(target);
    if ("setNoDelay" in connection) connection.setNoDelay(true);
    return connection;
  }

  /** A write has waited for longer than readers rest. */
  get isStarved(): boolean {
    return !this.#isStopped && performance.now() - (this.#writesSince ?? Infinity) > STARVED_MS;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Speaks and hears. Resolves when the socket is gone; rejects when it hears what it should not. */
  run(): Promise<void> {
    this.#speaking = this.#speak().catch(() => this.#stop()); // hung up on
    return this.#hear();
  }

  /** Frames that answer what has come. */
  takeAnswers(): Uint8Array[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { chance } = this.#options;
    for (let at = 0; at < bytes.length;) {
      const left = bytes.length - at;
      const isCut = chance.below(left < SMALL ? 2 : 8) === 0;
      let piece = bytes.subarray(at, at + (isCut ? chance.pick(CUTS) : left));
      const size = piece.length;
      at += size;
      while (piece.length > 0) piece = piece.subarray(await this.#writeSome(piece));
      await this.#options.pace.after(size);
    }
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    this.#writesSince = performance.now();
    const count = await this.#connection.write(bytes);
    this.#writesSince = undefined;
    return count;
  }

  /** @param frames Of a message that is never whole. */
  async leave(how: Departure, frames: () => Uint8Array[]): Promise<void> {
    const { chance } = this.#options;
    if (how.endsWith("frame")) {
      const frame = Buffer.concat(frames());
      await this.write(frame.subarray(0, chance.below(frame.length)));
    } else if (how.endsWith("message")) {
      await this.write(Buffer.concat(frames().slice(0, -1)));
    }
    if (how.startsWith("close")) {
      this.#hasClosed = true;
      await this.write(closeFrame(FAREWELL, chance));
    } else if (how.startsWith("FIN")) {
      await this.#connection.closeWrite();
    } else {
      await this.#reset();
    }
  }

  /** Whoever hangs up on what has not been read resets the connection. */
  async #reset(): Promise<void> {
    this.#isDeaf = true;
    await pause(this.#options.chance.below(REST_MS));
    this.#close();
  }

  async #speak(): Promise<void> {
    await this.write(Buffer.from(handshake(this.#options.path)));
    await this.#user.speak(this);
  }

  async #hear(): Promise<void> {
    const { chance, longRestMs = 0 } = this.#options;
    const room = Buffer.alloc(READ_BYTES);
    let [bytes, restMs] = [0, longRestMs];
    try {
      while (!this.#isDeaf) {
        if (chance.below(RESTS) === 0) await pause(chance.below(REST_MS));
        if (restMs > 0 && bytes > MUCH) restMs = await pause(restMs).then(() => 0);
        const most = chance.below(8) === 0 ? 1 + chance.below(2 * KIB) : READ_BYTES;
        const count = await this.#connection.read(room.subarray(0, most)).catch(() => null);
        if (count === null) break;
        bytes += count;
        this.#received(room.subarray(0, count));
        await this.#options.pace.after(count);
      }
    } finally {
      await this.#end();
    }
  }

  /** Who resets goes when it likes. */
  async #end(): Promise<void> {
    this.#opened.reject(new Error(`${this.#options.path}: want 101, got hung up on`));
    this.#stop();
    if (!this.#isDeaf) this.#close();
    await this.#speaking;
  }

  #received(bytes: Buffer): void {
    // What follows a close is nothing.
    if (this.#isClosedByRelay) return;
    if (this.#head.endsWith(HEAD_END)) return this.#frames.push(bytes);
    const before = this.#head.length;
    this.#head = this.#head + bytes.toString("latin1");
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return;
    this.#head = this.#head.slice(0, end + HEAD_END.length);
    if (!this.#head.startsWith("HTTP/1.1 101 ")) throw new Error(`${this.#options.path}: want 101, got ${this.#head}`);
    this.#opened.resolve();
    this.#frames.push(bytes.subarray(this.#head.length - before));
  }

  #control(opcode: number, payload: Buffer): void {
    const { chance } = this.#options;
    if (opcode === OPCODE.ping) this.#answers.push(frameOf(OPCODE.pong, payload, chance));
    if (opcode !== OPCODE.close) return;
    this.#isClosedByRelay = true;
    this.code = payload.length < 2 ? 1005 : payload.readUInt16BE();
    this.#stop();
    this.#answerClose(payload).catch(() => {}); // hung up on
  }

  /** Behind what it is saying. */
  async #answerClose(payload: Buffer): Promise<void> {
    await this.#speaking;
    if (!this.#hasClosed) await this.write(frameOf(OPCODE.close, payload, this.#options.chance));
  }

  #stop(): void {
    this.#isStopped = true;
    this.#user.stopped();
  }

  #close(): void {
    try {
      this.#connection.close();
    } catch {
      // It has closed already.
    }
  }
}

export function longRest(chance: Chance): number {
  return LONG_REST_MS.least + chance.below(LONG_REST_MS.most - LONG_REST_MS.least);
}

export function lengthOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
