/**
 * One introduction socket with its interests.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { BudgetHolder, MemoryBudget, Share } from "../core/memory_budget.ts";
import type { Message } from "../core/message.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import {
  byteLength,
  type Chunk,
  detached,
  type Ending,
  type IntroductionSocket,
  type SocketListener,
} from "../transport/transport.ts";
import type { Dialect } from "./dialects.ts";

/** The documents that a peer may join. */
export interface Scope {
  allowsDocument(id: string): boolean;
  /** It allows nothing any more. */
  readonly isExpired?: boolean;
}

/** What a registration needs besides its socket. */
export interface RegistrationOptions {
  readonly peerId: string;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly buffers: MemoryBudget;
  readonly owner: RegistrationOwner;
}

/** What happens to registrations. One for all, without a function for each: a relay has tens of thousands. */
export interface RegistrationOwner {
  hear(peer: Registration, chunk: Chunk): void;
  /** It says nothing any more. */
  forget(peer: Registration): void;
  closed(peer: Registration, ending: Ending): void;
  /** The relay is out of buffer space. */
  evict(peer: Registration): void;
}

/** An introduction socket. A peer id may have several. */
export class Registration implements SocketListener, BudgetHolder {
  readonly peerId: string;
  readonly scope: Scope;
  readonly endsGroup = true;
  /** Its documents, with its index in the list of each. */
  readonly documents = new Map<string, number>();
  /** Messages that it may still send. */
  readonly rate: TokenBucket;
  /** Microseconds of work that it may still cause. */
  readonly work: TokenBucket;
  /** Its share of the memory budget. */
  readonly share: Share;
  /** The dialect of its latest message. */
  dialect: Dialect = "json";
  malformed = 0;
  /** Bytes of its interests, and of those that are being added. */
  documentBytes = 0;
  /** Bytes of the introductions that are being made. */
  collectedBytes = 0;
  /** Introductions that wait to be sent. */
  unsent: Message[] = [];
  unsentBytes = 0;
  /** The same when its share was updated. */
  #weighedBytes = 0;
  /** Bytes that waited in its socket when the first of these introductions came. */
  #sentBacklog = 0;
  isOpen = true;
  /** Whether its messages are being processed. */
  isServed = false;
  readonly #owner: RegistrationOwner;
  readonly #unheard: Message[] = [];
  #unheardBytes = 0;
  #isPaused = false;

  constructor(readonly socket: IntroductionSocket, { peerId, scope, clock, buffers, owner }: RegistrationOptions) {
    this.peerId = peerId;
    this.scope = scope;
    this.rate = new TokenBucket(clock, { perSecond: LIMITS.messagesPerSecond, burst: LIMITS.messageBurst });
    this.work = new TokenBucket(clock, { perSecond: LIMITS.workPerSecond, burst: LIMITS.workBurst });
    this.share = (socket.budget ?? buffers).open(this);
    this.#owner = owner;
  }

  message(chunk: Chunk): void {
    this.#owner.hear(this, chunk);
  }

  ending(): void {
    this.#owner.forget(this);
  }

  closed(ending: Ending): void {
    this.#owner.closed(this, ending);
  }

  evict(): void {
    this.#owner.evict(this);
  }

  measure(): number {
    return this.keptBytes;
  }

  /** It is interested in the document, and its token still permits that. */
  mayBeIntroduced(documentId: string): boolean {
    return this.documents.has(documentId) && this.scope.allowsDocument(documentId);
  }

  /** Bytes that the relay keeps for it: unread introductions, messages that wait, and introductions in the making. */
  get keptBytes(): number {
    return this.unreadBytes + this.#unheardBytes + this.collectedBytes;
  }

  /** Bytes of introductions that it has not read. */
  get unreadBytes(): number {
    return this.socket.backlog + this.unsentBytes;
  }

  /**
   * It has not read what was sent before. To ask the socket takes longer than to make an introduction: it is asked for
   * the first of those that wait, and again only if it seems slow.
   */
  get isSlow(): boolean {
    if (this.unsent.length === 0) this.#sentBacklog = this.socket.backlog;
    if (this.#sentBacklog + this.unsentBytes <= LIMITS.introductionBacklogBytes) return false;
    this.#sentBacklog = this.socket.backlog;
    return this.#sentBacklog + this.unsentBytes > LIMITS.introductionBacklogBytes;
  }

  /** Updates the memory budget. Introductions are small and many: in steps. */
  weigh(): void {
    if (Math.abs(this.unsentBytes - this.#weighedBytes) < LIMITS.budgetStepBytes) return;
    this.#weighedBytes = this.unsentBytes;
    this.share.set(this.keptBytes);
  }

  /** Bytes of messages that wait to be processed, with what keeping them costs. */
  get unheardBytes(): number {
    return this.#unheardBytes;
  }

  /** Queues a message. The relay does not read the socket while many wait. */
  keep(message: Message): void {
    this.#unheard.push(message);
    this.#unheardBytes += costOf(message);
    if (this.#isPaused || this.#unheardBytes <= LIMITS.pauseUnheardBytes) return;
    this.#isPaused = true;
    this.socket.pause?.();
  }

  /** The latest message has to wait: its bytes are lent. */
  detachLatest(): void {
    const latest = this.#unheard.pop();
    if (latest !== undefined) this.#unheard.push(detached(latest));
  }

  /** The next message to process. */
  next(): Message | undefined {
    const message = this.#unheard.shift();
    if (message !== undefined) this.#unheardBytes -= costOf(message);
    // Lets go of its memory, which an idle peer has no use for.
    if (this.#unheard.length === 0) this.#unheard.length = 0;
    if (this.#isPaused && this.#unheardBytes <= LIMITS.pauseUnheardBytes / 2) {
      this.#isPaused = false;
      this.socket.resume?.();
    }
    return message;
  }

  /** Drops all that waits, in both directions. */
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
