/** Sockets and time that tests hold in their hands. */

import type { Close } from "../../src/protocol.ts";
import type { Clock, Timer } from "../../src/server/core/clock.ts";
import { assemble, Part } from "../../src/server/core/message.ts";
import { type Logger, relayLogger } from "../../src/server/core/log.ts";
import {
  type Chunk,
  type Ending,
  type PeerSocket,
  type SocketListener,
  Splice,
} from "../../src/server/transport/transport.ts";
import { payloadStart } from "../../src/server/websocket/encode.ts";
import { ChunkContents } from "../../src/server/websocket/frame_walker.ts";
import { encodeMessage } from "./frames.ts";

/** A logger that nobody listens to. */
export const silentLog: Logger = relayLogger();

/** Time that passes only when told to. */
export class FakeClock implements Clock {
  #now = 0;
  /** Milliseconds that pass whenever somebody looks: so that work takes time. */
  tickMs = 0;
  readonly #timers = new Set<{ at: number; action: () => void }>();

  /** Timers that would still fire. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now += this.tickMs;
  }

  after(ms: number, action: () => void): Timer {
    const timer = { at: this.#now + ms, action };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Lets `ms` milliseconds pass; what falls due happens in order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.action();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Lets `ms` milliseconds pass in which nothing runs; what fell due in them happens at their end. */
  block(ms: number): void {
    this.#now += ms;
    for (let next = this.#due(this.#now); next !== undefined; next = this.#due(this.#now)) {
      this.#timers.delete(next);
      next.action();
    }
  }

  #due(end: number): { at: number; action: () => void } | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** A peer's socket: records what the relay does, and plays what the peer does. */
export class FakeSocket implements PeerSocket {
  readonly sent: Chunk[] = [];
  /** What came behind the close: the rest of a frame may. */
  readonly sentLate: Chunk[] = [];
  closedWith: Close | undefined;
  backlog = 0;
  #listener: SocketListener | undefined;
  #isGone = false;
  #parts: Uint8Array<ArrayBuffer>[] = [];

  send(chunk: Chunk): void {
    if (this.#isGone) return;
    if (this.closedWith !== undefined) this.sentLate.push(chunk);
    else if (chunk instanceof Part) this.#assemble(chunk);
    // Whoever sends bytes may write over them afterwards.
    else this.sent.push(chunk instanceof Uint8Array ? chunk.slice() : chunk);
  }

  #assemble(part: Part): void {
    if (part.begins) this.#parts = [];
    this.#parts.push(part.bytes.slice());
    if (part.ends) this.sent.push(assemble(this.#parts, part.isText));
  }

  close(close: Close): void {
    if (!this.#isGone) this.closedWith ??= close;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** The peer sends a frame. */
  receive(chunk: Chunk): void {
    if (this.closedWith !== undefined || this.#isGone) return;
    if (!(chunk instanceof Uint8Array)) return this.#listener?.message(chunk);
    // Bytes are lent: what they stand in is read into again. A message may fill it.
    const lent = new Uint8Array(chunk);
    this.#listener?.message(lent);
    lent.fill(0xee);
  }

  /** The rest comes of a frame that was under way when the socket was closed. */
  receiveRest(chunk: Chunk): void {
    if (!this.#isGone) this.#listener?.message(chunk);
  }

  /** The peer sends a message as JSON. */
  say(message: unknown): void {
    this.receive(JSON.stringify(message));
  }

  /** The transport closes it by itself. */
  fail(close: Close): void {
    this.close(close);
    this.#listener?.ending(close);
  }

  /** The socket is really gone: with a close frame, or without. */
  vanish(ending: Partial<Ending> = {}): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#listener?.closed({ code: undefined, reason: "", ...ending });
  }

  /** The network takes what was sent. */
  drain(): void {
    this.backlog = 0;
    this.#listener?.drained?.();
  }

  /** What was sent as JSON text. */
  get heard(): unknown[] {
    return this.sent.map((frame) => JSON.parse(frame as string));
  }
}

/** A socket whose transport gives frames, in memory that is written over when it is released. */
export class FramedSocket extends FakeSocket {
  /** Frames that came and were not released. */
  held = 0;
  /** Frames that were sent in the memory that they came in. */
  passedOn = 0;
  #givesFrames = false;

  giveFrames(): void {
    this.#givesFrames = true;
  }

  override receive(chunk: Chunk): void {
    const isFrame = this.#givesFrames && chunk instanceof Uint8Array && this.closedWith === undefined;
    super.receive(isFrame ? this.#frameOf(chunk) : chunk);
  }

  override send(chunk: Chunk): void {
    if (!(chunk instanceof Splice)) return super.send(chunk);
    this.passedOn += 1;
    super.send(chunk.bytes.slice(payloadStart(chunk.bytes, 0)));
    chunk.release();
  }

  #frameOf(payload: Uint8Array<ArrayBuffer>): Splice {
    const bytes = encodeMessage(payload);
    this.held += 1;
    return new Splice(bytes, new ChunkContents(), 0, {
      release: () => {
        this.held -= 1;
        bytes.fill(0xee);
      },
    });
  }
}

/** A socket that can stop reading. */
export class PausableSocket extends FakeSocket {
  isPaused = false;

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}
