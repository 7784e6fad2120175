/**
 * What is said on a peer's socket besides streams: a socket like any other to discovery.
 *
 * @module
 */

import {
  type Close,
  type Introduction,
  type JoinRefusal,
  type RelayMessage,
  splitIntroduction,
  WIRE_LIMITS,
} from "../../protocol.ts";
import { LIMITS } from "../core/limits.ts";
import type { Budget } from "../core/memory_budget.ts";
import { Queue } from "../core/queue.ts";
import { type Chunk, type IntroductionSocket, NOBODY, type SocketListener } from "../transport/transport.ts";

/** What it needs of the socket that it is in. */
export interface ControlHost {
  readonly budget: Budget;
  /** Bytes that wait in the socket. */
  readonly socketBacklog: number;
  /** Something was said. */
  said(): void;
  close(close: Close): void;
  goAway(seconds: number): void;
}

/** Bytes of one message, so that a frame with its brackets keeps the bound. */
const MOST_BYTES = WIRE_LIMITS.controlFrameBytes - 2;

/** Messages that were said in one turn of the event loop go out as one frame. */
export class ControlSocket implements IntroductionSocket {
  readonly #host: ControlHost;
  readonly #texts = new Queue<string>();
  #bytes = 0;
  listener: SocketListener = NOBODY;

  constructor(host: ControlHost) {
    this.#host = host;
  }

  get budget(): Budget {
    return this.#host.budget;
  }

  get backlog(): number {
    return this.#host.socketBacklog + this.#bytes;
  }

  /** Introductions as JSON, as discovery spells them for who speaks JSON. */
  send(chunk: Chunk): void {
    const text = chunk as string;
    // A UTF-16 unit takes at most 3 bytes of UTF-8: most introductions need no measuring.
    if (text.length * 3 <= MOST_BYTES) return this.#add(text);
    for (const part of splitIntroduction(JSON.parse(text) as Introduction, MOST_BYTES)) this.#add(part);
  }

  say(message: RelayMessage): void {
    this.#add(JSON.stringify(message));
  }

  refuse(documentIds: readonly string[], reason: JoinRefusal): void {
    for (let at = 0; at < documentIds.length; at += REFUSED_AT_ONCE) {
      this.say({ type: "Refusal", join: documentIds.slice(at, at + REFUSED_AT_ONCE), reason });
    }
  }

  close(close: Close): void {
    this.#host.close(close);
  }

  goAway(seconds: number): void {
    this.#host.goAway(seconds);
  }

  listen(listener: SocketListener): void {
    this.listener = listener;
  }

  get isEmpty(): boolean {
    return this.#texts.size === 0;
  }

  /** The next frame of what was said, or undefined when all is taken. */
  next(): string | undefined {
    if (this.isEmpty) return undefined;
    const batch: string[] = [];
    for (let text = this.#texts.peek(), most = 2; text !== undefined; text = this.#texts.peek()) {
      // A UTF-16 unit takes at most 3 bytes of UTF-8: to measure each would cost more than a few frames more.
      most += text.length * 3 + 1;
      if (batch.length > 0 && most > WIRE_LIMITS.controlFrameBytes) break;
      batch.push(text);
      this.#bytes -= costOf(text);
      this.#texts.shift();
    }
    return `[${batch.join(",")}]`;
  }

  #add(text: string): void {
    this.#texts.push(text);
    this.#bytes += costOf(text);
    this.#host.said();
  }
}

function costOf(text: string): number {
  return text.length + LIMITS.recordOverheadBytes;
}

/** Documents in one refusal: with the longest ids, in JSON's longest spelling, they fit a frame. */
const REFUSED_AT_ONCE = Math.floor((MOST_BYTES - 100) / (WIRE_LIMITS.idBytes * 6 + 3));
