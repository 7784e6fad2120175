/**
 * Sends what was said to a client at the end of the turn of the event loop, as far as its socket takes it.
 *
 * @module
 */

import { CLOSE, type Close } from "../../protocol.ts";
import type { Clock, Timer } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { Part } from "../core/message.ts";
import type { PeerSocket } from "../transport/transport.ts";
import type { ControlSocket } from "./control_socket.ts";
import type { FramePool } from "./frame_pool.ts";
import { FrameWriter } from "./frame_writer.ts";
import type { RecordRun } from "./record_run.ts";
import type { Stream } from "./stream.ts";

/** What a sender needs besides its socket. */
export interface SenderOptions {
  readonly clock: Clock;
  readonly frames: FramePool;
  readonly control: ControlSocket;
  /** Sends at the end of this turn. */
  readonly plan: () => void;
  /** The client takes nothing. */
  readonly failed: (close: Close) => void;
}

/** What goes out on one socket: control messages first, then streams in their turns. */
export class Sender {
  readonly #socket: PeerSocket;
  readonly #options: SenderOptions;
  readonly #writer: FrameWriter;
  #isPlanned = false;
  /** The socket is not full: what is said in this turn may be written at once. */
  #mayWrite = false;
  /** The client said that it lives, and was not answered. */
  #owesHeartbeat = false;
  /** Looks whether the socket has taken something, where it is full. */
  #look: Timer | undefined;
  #lookMs = 0;
  /** When the socket began to be full. */
  #fullSince: number | undefined;
  #leastBacklog = Infinity;
  #isStopped = false;

  constructor(socket: PeerSocket, options: SenderOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#writer = new FrameWriter(options.frames);
  }

  /** Something was said: it goes out at the end of the turn. */
  plan(): void {
    if (this.#isPlanned || this.#isStopped) return;
    this.#isPlanned = true;
    this.#mayWrite = !this.#isFull;
    this.#options.plan();
  }

  /** The socket may have taken something: if that is waited for, looks at the end of the turn. */
  lookAgain(): void {
    if (this.#look !== undefined) this.plan();
  }

  answerHeartbeat(): void {
    this.#owesHeartbeat = true;
    this.plan();
  }

  hasWord(stream: Stream): void {
    this.#writer.hasWord(stream);
    this.plan();
  }

  hasData(stream: Stream): void {
    this.#writer.hasData(stream);
    this.plan();
  }

  /** Writes it at once, if nobody waits for a turn; says whether it did. */
  writeNow(stream: Stream, data: Part | RecordRun): boolean {
    this.plan();
    return this.#mayWrite && this.#writer.writeNow(stream, data);
  }

  refuse(number: number, close: Close): void {
    this.#writer.refuse(number, close);
    this.plan();
  }

  /** Sends all that was said, as far as the socket takes it. */
  send(): void {
    this.#isPlanned = this.#mayWrite = false;
    if (this.#isStopped) return;
    this.#stopLooking();
    // It has taken something.
    if (!this.#isFull) [this.#fullSince, this.#leastBacklog] = [undefined, Infinity];
    const isDone = this.#sendControl() && this.#sendAll(() => this.#writer.next());
    if (isDone) this.#lookMs = 0;
    else if (this.#isFull) this.#waitForRoom();
    else this.#lookIn(LIMITS.pollMs);
    this.#writer.detach();
    this.#writer.tellDrained();
  }

  /** Sends what needs no credit: the socket ends behind it. */
  sendLast(): void {
    const { control } = this.#options;
    for (let frame = control.next(); frame !== undefined; frame = control.next()) this.#socket.send(frame);
    for (let frame = this.#writer.nextWords(); frame !== undefined; frame = this.#writer.nextWords()) {
      this.#socket.send(frame);
    }
  }

  /** Sends nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#stopLooking();
  }

  /** False: the socket is full. */
  #sendControl(): boolean {
    if (this.#isFull) return false;
    const { control } = this.#options;
    if (this.#owesHeartbeat) control.say({ type: "Heartbeat" });
    this.#owesHeartbeat = false;
    return this.#sendAll(() => control.next());
  }

  /** False: the socket is full, or the rest would take too long. */
  #sendAll(next: () => string | Uint8Array<ArrayBuffer> | undefined): boolean {
    const { clock } = this.#options;
    let until = Infinity;
    for (let sent = 0;; sent++) {
      if (this.#isFull) return false;
      const frame = next();
      if (frame === undefined) return true;
      this.#socket.send(frame);
      // Most turns have one frame to send.
      if (sent === 0) until = clock.now() + LIMITS.sendOneMs;
      else if (clock.now() >= until) return false;
    }
  }

  get #isFull(): boolean {
    return this.#socket.backlog > LIMITS.socketBacklogBytes;
  }

  /** Looks again when the socket says that it took something, when the client says something, and after a while. */
  #waitForRoom(): void {
    if (this.#isStalled()) return this.#options.failed(CLOSE.slowReader);
    const { least, most } = LIMITS.lookAgainMs;
    this.#lookMs = Math.min(most, Math.max(least, this.#lookMs * 2));
    this.#lookIn(this.#lookMs);
  }

  #lookIn(ms: number): void {
    this.#look = this.#options.clock.after(ms, () => this.plan());
  }

  /** The socket has taken nothing for too long. */
  #isStalled(): boolean {
    const { backlog } = this.#socket;
    const now = this.#options.clock.now();
    if (backlog < this.#leastBacklog) [this.#leastBacklog, this.#fullSince] = [backlog, now];
    return now - this.#fullSince! >= LIMITS.stalledMs;
  }

  #stopLooking(): void {
    this.#look?.cancel();
    this.#look = undefined;
  }
}
