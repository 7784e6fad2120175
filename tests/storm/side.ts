/**
 * One socket of a conversation: it speaks in pieces that end anywhere, hears at its own pace, and leaves in one of many
 * ways.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { handshake, RawConnection, type Target } from "../helpers/raw.ts";
import type { Chance } from "../soak/chance.ts";
import { closeFrame, controlFrame, frameOf, framesOf, OPCODE } from "./framing.ts";
import type { Line } from "./line.ts";
import type { Material } from "./messages.ts";
import type { Pace } from "../helpers/pace.ts";
import { ServerFrames } from "./server_frames.ts";

/** How a side leaves: behind a whole message, or within one. */
export type Departure = "close" | "close in a message" | "FIN" | "FIN in a frame" | "RST" | "RST in a frame";

/** Whom a side speaks to, and how. */
export interface SideOptions {
  readonly target: Target;
  readonly path: string;
  readonly speaks: Line;
  readonly hears: Line;
  readonly material: Material;
  readonly chance: Chance;
  readonly pace: Pace;
  /** What it does at last, after so many writes of messages, one at least, or as soon as it is late. */
  readonly departure?: { readonly how: Departure; readonly after: number; readonly isLate: () => boolean };
  /** Both sides have been let in, and paired, since something has crossed: before, nobody would hear of a departure. */
  readonly met: Promise<unknown>;
}

const KIB = 1024;
/** The code that sides close with. */
export const FAREWELL = 4_200;
/** Where a write may end: in a header, at the size of a buffer, of a record of TLS. */
const CUTS = [1, 2, 3, 6, 14, 125, 512, 4 * KIB, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 66 * KIB, 528 * KIB];
/** Bytes that are worth cutting often. */
const SMALL = 64 * KIB;
/** Bytes of one read. */
const READ_BYTES = 64 * KIB;
const MOST_MESSAGES_AT_ONCE = 12;
/** One read of so many is followed by a rest, of so many milliseconds at most. */
const RESTS = 100;
const REST_MS = 120;
const HEAD_END = "\r\n\r\n";

/** One side, from its request to its end. */
export class Side {
  /** Resolves when its socket is gone. Rejects when it hears what it should not. */
  readonly over: Promise<void>;
  /** How the relay closed it; undefined: it hung up. */
  code: number | undefined;
  readonly #options: SideOptions;
  readonly #connection: Deno.Conn;
  readonly #frames: ServerFrames;
  readonly #opened = Promise.withResolvers<void>();
  /** The relay has let it in. */
  readonly opened = this.#opened.promise;
  readonly #answers: Uint8Array[] = [];
  readonly #speaking: Promise<void>;
  #head = "";
  #hasClosed = false;
  #isClosedByRelay = false;
  #isStopped = false;
  #isDeaf = false;

  private constructor(connection: Deno.Conn, options: SideOptions) {
    this.#connection = connection;
    this.#options = options;
    const { hears } = options;
    this.#frames = new ServerFrames({
      began: (isText) => hears.began(isText),
      came: (bytes) => hears.came(bytes),
      ended: () => hears.ended(),
      control: (opcode, payload) => this.#control(opcode, payload),
      broken: (what) => {
        throw new Error(`${options.path}: the relay sent ${what}`);
      },
    });
    this.opened.catch(() => {});
    this.#speaking = this.#speak().catch(() => this.#stop()); // hung up on
    this.over = this.#hear();
  }

  static async open(options: SideOptions): Promise<Side> {
    const { connection } = await RawConnection.open(options.target);
    if ("setNoDelay" in connection) connection.setNoDelay(true);
    return new Side(connection, options);
  }

  /** Some speak at once, behind their request. */
  async #speak(): Promise<void> {
    const { speaks, chance, path, departure } = this.#options;
    await this.#write(Buffer.from(handshake(path)));
    if (chance.below(4) > 0) await this.opened;
    for (let count = 0; !this.#isStopped; count++) {
      if (count > 0 && departure !== undefined && (count >= departure.after || departure.isLate())) break;
      if (speaks.isFull) await speaks.movement();
      else await this.#sayMuch();
    }
    await this.#options.met;
    if (!this.#isStopped) await this.#leave(departure!.how);
  }

  /** One message or several in one go, with what has to be answered. */
  async #sayMuch(): Promise<void> {
    const { speaks, material, chance } = this.#options;
    const frames = this.#answers.splice(0);
    const count = 1 + (chance.below(2) === 0 ? 0 : chance.below(MOST_MESSAGES_AT_ONCE));
    let said = 0;
    for (; said < count && lengthOf(frames) < SMALL && !speaks.isFull; said++) {
      frames.push(...framesOf(speaks.next(material, chance), chance));
      if (chance.below(8) === 0) frames.push(controlFrame(chance));
    }
    await this.#write(Buffer.concat(frames));
    while (said-- > 0) speaks.saidWhole();
  }

  async #leave(how: Departure): Promise<void> {
    const { chance, speaks, material } = this.#options;
    if (how.endsWith("frame")) {
      const frame = Buffer.concat(framesOf(speaks.next(material, chance), chance));
      await this.#write(frame.subarray(0, chance.below(frame.length)));
    } else if (how.endsWith("message")) {
      await this.#write(Buffer.concat(framesOf(speaks.next(material, chance), chance).slice(0, -1)));
    }
    if (how.startsWith("close")) {
      this.#hasClosed = true;
      await this.#write(closeFrame(FAREWELL, chance));
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

  async #write(bytes: Uint8Array): Promise<void> {
    const { chance } = this.#options;
    for (let at = 0; at < bytes.length;) {
      const left = bytes.length - at;
      const isCut = chance.below(left < SMALL ? 2 : 8) === 0;
      let piece = bytes.subarray(at, at + (isCut ? chance.pick(CUTS) : left));
      const size = piece.length;
      at += size;
      while (piece.length > 0) piece = piece.subarray(await this.#connection.write(piece));
      await this.#options.pace.after(size);
    }
  }

  async #hear(): Promise<void> {
    const { chance } = this.#options;
    const room = Buffer.alloc(READ_BYTES);
    try {
      while (!this.#isDeaf) {
        if (chance.below(RESTS) === 0) await pause(chance.below(REST_MS));
        const most = chance.below(8) === 0 ? 1 + chance.below(2 * KIB) : READ_BYTES;
        const count = await this.#connection.read(room.subarray(0, most)).catch(() => null);
        if (count === null) break;
        this.#received(room.subarray(0, count));
        await this.#options.pace.after(count);
      }
    } finally {
      await this.#end();
    }
  }

  /** A side that resets goes when it likes. */
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
    if (!this.#hasClosed) await this.#write(frameOf(OPCODE.close, payload, this.#options.chance));
  }

  #stop(): void {
    this.#isStopped = true;
    this.#options.speaks.close();
  }

  #close(): void {
    try {
      this.#connection.close();
    } catch {
      // It has closed already.
    }
  }
}

function lengthOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
