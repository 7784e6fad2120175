/**
 * Pairs as streams of protocol 5, each client on a socket of its own, that play ping-pong like any others: whoever
 * receives so many messages in one frame sends as many in the next.
 *
 * @module
 */

import { introductionPath, KIND, RecordReader, RecordWriter, varintLength } from "../../src/protocol.ts";
import { joined } from "../helpers/raw.ts";
import { maskedFrame } from "./frames.ts";
import type { Generator, Listener, RawSocket } from "./generator.ts";
import type { Score } from "./ping_pong.ts";
import type { Running } from "./servers.ts";

const OPENING_MS = 20_000;
const READ_BYTES = 256 * 1024;
/** More than any game sends. */
const CREDIT = 2 ** 30;

/** Opens pairs of clients with one stream each, and gives the first of each pair. */
export function streamPairs(
  generator: Generator,
  server: Running,
  game: { pairs: number; bytes: number },
  score: Score,
): StreamPlayer[] {
  const set = crypto.randomUUID();
  const names = Array.from({ length: game.pairs }, (_, i) => [`alice-${set}-${i}`, `bob-${set}-${i}`]);
  const paths = names.flat().map((name) => `${introductionPath(name)}?protocol=5`);
  const balls = new StreamBalls(game.bytes);
  const players = generator.open(server.port, paths).map((socket) => new StreamPlayer(socket, balls, score));
  for (const [i, player] of players.entries()) {
    player.partner = players[i ^ 1];
    player.open(names[i >> 1][(i & 1) ^ 1]);
  }
  if (!generator.run(() => players.every(({ isOpened }) => isOpened), OPENING_MS)) {
    throw new Error("Cannot open streams: want both sides opened, they were not");
  }
  return players.filter((_, i) => i % 2 === 0);
}

/** Frames with so many messages, made once. */
class StreamBalls {
  /** Bytes of one message on the wire. */
  readonly recordBytes: number;
  readonly #frames = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(readonly bytes: number) {
    this.recordBytes = 2 + varintLength(bytes) + bytes;
  }

  of(messages: number): Uint8Array<ArrayBuffer> {
    const known = this.#frames.get(messages);
    if (known !== undefined) return known;
    const frame = new RecordWriter();
    for (let i = 0; i < messages; i++) frame.data(1, new Uint8Array(this.bytes), { text: false, more: false });
    const made = maskedFrame(frame.take(), "binary");
    this.#frames.set(messages, made);
    return made;
  }
}

/** One end of a stream. */
export class StreamPlayer implements Listener {
  partner!: StreamPlayer;
  isOpened = false;
  readonly #sentAt: number[] = [];
  readonly #buffer = new Uint8Array(READ_BYTES);
  #length = 0;
  #unsent: Uint8Array<ArrayBuffer> = NOTHING;

  constructor(readonly socket: RawSocket, readonly balls: StreamBalls, readonly score: Score) {
    socket.listener = this;
    this.#buffer.set(socket.unread);
    this.#length = socket.unread.length;
  }

  open(userName: string): void {
    const frame = new RecordWriter();
    frame.open(1, { userName, documentId: "document" });
    frame.window(1, CREDIT);
    this.#write(maskedFrame(frame.take(), "binary"));
  }

  serve(messages: number): void {
    const now = performance.now();
    for (let i = 0; i < messages; i++) this.#sentAt.push(now);
    this.score.underWay += messages;
    this.#write(this.balls.of(messages));
  }

  readable(): void {
    this.#length += this.socket.read(this.#length === 0 ? this.#buffer : this.#buffer.subarray(this.#length));
    if (this.socket.gone) this.score.cut++;
    const messages = this.#readFrames();
    if (messages === 0) return;
    const now = performance.now();
    for (const sentAt of this.partner.#sentAt.splice(0, messages)) this.score.latencies.add(now - sentAt);
    this.score.messages += messages;
    this.score.underWay -= messages;
    if (this.score.playing) this.serve(messages);
  }

  writable(): void {
    this.#write(NOTHING);
  }

  /** Reads whole frames; gives the messages in them. */
  #readFrames(): number {
    let [at, messages] = [0, 0];
    for (;;) {
      if (this.#length - at < 4) break;
      const short = this.#buffer[at + 1];
      const header = short < 126 ? 2 : 4;
      const length = short < 126 ? short : this.#buffer[at + 2] * 256 + this.#buffer[at + 3];
      if (this.#length - at < header + length) break;
      const isBinary = (this.#buffer[at] & 0x0f) === 2;
      if (isBinary) messages += this.#messagesIn(at + header, at + header + length);
      at += header + length;
    }
    if (at < this.#length) this.#buffer.copyWithin(0, at, this.#length);
    this.#length -= at;
    return messages;
  }

  /** Once it is open, what a frame has besides messages is shorter than one: to read each record would slow the relay. */
  #messagesIn(from: number, to: number): number {
    if (this.isOpened) return Math.floor((to - from) / this.balls.recordBytes);
    let messages = 0;
    for (const record = new RecordReader(this.#buffer.subarray(from, to)); record.next();) {
      if (record.kind === KIND.data) messages += 1;
      else if (record.kind === KIND.opened) this.isOpened = true;
    }
    return messages;
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    const all = this.#unsent.length === 0 ? bytes : joined(this.#unsent, bytes);
    const taken = this.socket.write(all);
    const isBlocked = taken < all.length;
    if (isBlocked !== this.#unsent.length > 0) this.socket.awaitWritable(isBlocked);
    this.#unsent = isBlocked ? all.subarray(taken) : NOTHING;
  }
}

const NOTHING = new Uint8Array();
