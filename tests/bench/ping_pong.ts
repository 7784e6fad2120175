/**
 * Messages that bounce between the two ends of each pair: whoever receives one sends the next.
 *
 * @module
 */

import { burst, type Kind, maskedFrame, plainFrame } from "./frames.ts";
import type { Listener, RawSocket } from "./generator.ts";
import { Latencies } from "./latencies.ts";

/** One write carries at most this much; beyond it, writes cost no less per byte. */
const WRITE_BYTES = 256 * 1024;
const READ_BYTES = 4 * 1024 * 1024;

/** One message in the forms in which it leaves and comes back. */
export class Ball {
  readonly sent: Uint8Array<ArrayBuffer>;
  readonly received: Uint8Array<ArrayBuffer>;
  /** Several of them in a row. */
  readonly row: Uint8Array<ArrayBuffer>;

  /** @param isMasked Clients mask what they send, and a relay unmasks it; a proxy does not. */
  constructor(bytes: number, kind: Kind, atOnce: number, isMasked = true) {
    const payload = Uint8Array.from({ length: bytes }, (_, at) => kind === "text" ? 97 + at % 26 : at * 31);
    this.received = plainFrame(payload, kind);
    this.sent = isMasked ? maskedFrame(payload, kind) : this.received;
    this.row = burst(this.sent, Math.max(1, Math.min(atOnce, Math.floor(WRITE_BYTES / this.sent.length))));
  }
}

/** What all pairs of one round did together. */
export class Score {
  messages = 0;
  latencies = new Latencies();
  /** Sent and not yet received. */
  underWay = 0;
  /** Ends that lost their connection in the middle of it. */
  cut = 0;
  playing = true;
}

/** One end of a pair. */
export class Player implements Listener {
  partner!: Player;
  /** When each message on its way to the partner was handed over; the oldest first. */
  readonly #sentAt: number[] = [];
  #receivedBytes = 0;
  #owedBytes = 0;
  #positionInRow = 0;
  #blocked = false;

  constructor(readonly socket: RawSocket, readonly ball: Ball, readonly score: Score) {
    socket.listener = this;
  }

  serve(messages: number): void {
    const now = performance.now();
    for (let i = 0; i < messages; i++) this.#sentAt.push(now);
    this.score.underWay += messages;
    this.#owedBytes += messages * this.ball.sent.length;
    if (!this.#blocked) this.writable();
  }

  readable(): void {
    this.#receivedBytes += this.socket.discard(READ_BYTES);
    if (this.socket.gone) this.score.cut++;
    const messages = Math.floor(this.#receivedBytes / this.ball.received.length);
    if (messages === 0) return;
    this.#receivedBytes -= messages * this.ball.received.length;
    this.#count(messages);
    if (this.score.playing) this.serve(messages);
  }

  /** One write, then the others have their turn: whoever only sends, until nobody takes more, is no fair reader. */
  writable(): void {
    const { row } = this.ball;
    const end = Math.min(row.length, this.#positionInRow + this.#owedBytes, this.#positionInRow + WRITE_BYTES);
    const taken = this.socket.write(row.subarray(this.#positionInRow, end));
    this.#owedBytes -= taken;
    this.#positionInRow = (this.#positionInRow + taken) % row.length;
    this.#block(this.#owedBytes > 0);
  }

  #count(messages: number): void {
    const now = performance.now();
    for (const sentAt of this.partner.#sentAt.splice(0, messages)) this.score.latencies.add(now - sentAt);
    this.score.messages += messages;
    this.score.underWay -= messages;
  }

  #block(blocked: boolean): void {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.socket.awaitWritable(blocked);
  }
}
