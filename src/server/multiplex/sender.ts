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
import { RecordRun } from "./record_run.ts";
import type { Stream } from "./stream.ts";

/** Bytes of a run that does not wait for others to share a frame with it: of 16 small messages. */
const LARGE_BYTES = 1024;

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
  /** Bytes that the socket takes until it is full, at least: to ask it costs. */
  #room = 0;
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
    this.#askForRoom();
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

  hasWordAlong(stream: Stream): void {
    this.#writer.hasWordAlong(stream);
  }

  hasData(stream: Stream): void {
    this.#writer.hasData(stream);
    this.plan();
  }

  /** Writes it at once, if nobody waits for a turn; says whether it did. */
  writeNow(stream: Stream, data: Part | RecordRun): boolean {
    if (data.byteLength >= LARGE_BYTES && data instanceof RecordRun && this.#sendNow(stream, data)) return true;
    this.plan();
    return this.#isPlanned && this.#room >= 0 && this.#writer.writeNow(stream, data);
  }

  refuse(number: number, close: Close): void {
    this.#writer.refuse(number, close);
    this.plan();
  }

  /** A large run is a frame of its own: where it came in one, that is passed on in the memory that it was read into. */
  #sendNow(stream: Stream, run: RecordRun): boolean {
    if (this.#isStopped || !this.#isEmpty || this.#isFull || !run.renumber(stream.number)) return false;
    this.#room -= run.byteLength + LIMITS.frameOverheadBytes;
    const frame = this.#writer.withWordsAlong(run);
    this.#socket.send(frame ?? run.takeFrame() ?? run.bytes);
    if (frame !== undefined) this.#writer.endTurn();
    this.#socket.flush?.();
    return true;
  }

  /** Sends all that was said, as far as the socket takes it. */
  send(): void {
    this.#isPlanned = false;
    if (this.#isStopped) return;
    this.#stopLooking();
    if (this.#owesHeartbeat) this.#options.control.say({ type: "Heartbeat" });
    this.#owesHeartbeat = false;
    const isDone = this.#sendAll();
    this.#socket.flush?.();
    if (isDone) this.#lookMs = 0;
    else if (this.#isFull) this.#waitForRoom();
    else this.#lookIn(LIMITS.pollMs);
    this.#writer.endTurn();
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

  /** False: the socket is full, or the rest would take too long. */
  #sendAll(): boolean {
    const { clock } = this.#options;
    let until = Infinity;
    for (let sent = 0; !this.#isFull; sent++) {
      this.#hasTaken();
      // Most turns have one frame to send.
      if (sent === 1) until = clock.now() + LIMITS.sendOneMs;
      else if (sent > 1 && clock.now() >= until) return false;
      const frame = this.#options.control.next() ?? this.#writer.next();
      if (frame === undefined) return true;
      this.#socket.send(frame);
      // A UTF-16 unit takes at most 3 bytes.
      this.#room -= frame.length * 3 + LIMITS.frameOverheadBytes;
      if (this.#room >= 0 && this.#isEmpty) return true;
      this.#askForRoom();
    }
    return false;
  }

  get #isEmpty(): boolean {
    return this.#options.control.isEmpty && this.#writer.isEmpty;
  }

  /** The socket is not full, or no longer. */
  #hasTaken(): void {
    this.#fullSince = undefined;
    this.#leastBacklog = Infinity;
  }

  get #isFull(): boolean {
    if (this.#room < 0) this.#askForRoom();
    return this.#room < 0;
  }

  #askForRoom(): void {
    this.#room = LIMITS.socketBacklogBytes - this.#socket.backlog;
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
