/**
 * One introduction socket with its interests.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { MemoryBudget, Share } from "../core/memory_budget.ts";
import type { Message } from "../core/message.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import { byteLength, type Frame, type IntroductionSocket } from "../transport/transport.ts";
import type { Dialect } from "./dialects.ts";

/** What a peer may be interested in. */
export interface Scope {
  allowsDocument(id: string): boolean;
  /** It allows nothing more. */
  readonly isExpired?: boolean;
}

/** Whose socket it is, and where it counts. */
export interface RegistrationOptions {
  readonly peerId: string;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly buffers: MemoryBudget;
  /** The relay is out of buffer space. */
  readonly evict: (registration: Registration) => void;
}

/** An introduction socket. Several may bear one peer id. */
export class Registration {
  readonly peerId: string;
  readonly scope: Scope;
  /** Its documents, with its place in the list of each. */
  readonly documents = new Map<string, number>();
  /** Messages that it may still send. */
  readonly rate: TokenBucket;
  /** Microseconds that it may still cost the relay. */
  readonly work: TokenBucket;
  /** Its place in the sum of all that is kept. */
  readonly share: Share;
  /** That of the latest message. */
  dialect: Dialect = "json";
  malformed = 0;
  /** Bytes that its interests take, and those that it is about to get. */
  documentBytes = 0;
  /** Bytes that introductions take which are being made. */
  collectedBytes = 0;
  /** Introductions that are made and still to be sent. */
  unsent: Frame[] = [];
  unsentBytes = 0;
  isOpen = true;
  /** Whether its messages are being worked on. */
  isServed = false;
  readonly #unheard: Message[] = [];
  #unheardBytes = 0;
  #isPaused = false;

  constructor(readonly socket: IntroductionSocket, { peerId, scope, clock, buffers, evict }: RegistrationOptions) {
    this.peerId = peerId;
    this.scope = scope;
    this.rate = new TokenBucket(clock, { perSecond: LIMITS.messagesPerSecond, burst: LIMITS.messageBurst });
    this.work = new TokenBucket(clock, { perSecond: LIMITS.workPerSecond, burst: LIMITS.workBurst });
    this.share = (socket.budget ?? buffers).open({ measure: () => this.keptBytes, evict: () => evict(this) });
  }

  /** Bytes that the relay keeps for it: unread introductions, unheard messages, and what is being made of them. */
  get keptBytes(): number {
    return this.unreadBytes + this.#unheardBytes + this.collectedBytes;
  }

  /** Bytes of introductions that it has not taken yet. */
  get unreadBytes(): number {
    return this.socket.backlog + this.unsentBytes;
  }

  /** Bytes of messages that wait for their turn, with what keeping them costs. */
  get unheardBytes(): number {
    return this.#unheardBytes;
  }

  /** Keeps a message for its turn. Its sender is not read on while many wait. */
  keep(message: Message): void {
    this.#unheard.push(message);
    this.#unheardBytes += costOf(message);
    if (this.#isPaused || this.#unheardBytes <= LIMITS.pauseUnheardBytes) return;
    this.#isPaused = true;
    this.socket.pause?.();
  }

  /** The latest message has to wait: it must not keep the memory of all that came with it. */
  detachLatest(): void {
    const latest = this.#unheard.at(-1);
    const isView = latest instanceof Uint8Array && latest.byteLength < latest.buffer.byteLength;
    if (isView) this.#unheard[this.#unheard.length - 1] = latest.slice();
  }

  /** The message whose turn it is. */
  next(): Message | undefined {
    const message = this.#unheard.shift();
    if (message !== undefined) this.#unheardBytes -= costOf(message);
    if (this.#isPaused && this.#unheardBytes <= LIMITS.pauseUnheardBytes / 2) {
      this.#isPaused = false;
      this.socket.resume?.();
    }
    return message;
  }

  /** Nothing that it says or hears counts any more. */
  end(): void {
    this.isOpen = false;
    this.#unheard.length = 0;
    this.#unheardBytes = 0;
    this.collectedBytes = 0;
    this.unsent = [];
    this.unsentBytes = 0;
  }
}

function costOf(message: Message): number {
  return byteLength(message) + LIMITS.unheardMessageBytes;
}
