/**
 * Introductions of peers here to peers of other instances.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Steps, WorkScheduler } from "../../core/scheduling/work_scheduler.ts";
import type { LocalServices } from "../backplane.ts";

/** What introductions need. */
export interface RemoteIntroductionsOptions {
  readonly clock: Clock;
  readonly services: LocalServices;
  readonly scheduler: WorkScheduler;
  readonly failed: (error: unknown) => void;
}

/** The introduction of a peer on another instance to one peer here. */
interface Due {
  readonly documentIds: Set<string>;
  /** Microseconds of work that the peer here is charged with. */
  work: number;
}

/** Gathers what falls due in the same turn into one introduction for each two peers, with all their documents. */
export class RemoteIntroductions {
  readonly #options: RemoteIntroductionsOptions;
  /** By the peer here and the peer on another instance. */
  #due = new Map<string, Map<string, Due>>();
  #count = 0;
  #timer: Timer | undefined;

  constructor(options: RemoteIntroductionsOptions) {
    this.#options = options;
  }

  /** Whether so many are due that they are made before more messages are read. */
  get isFull(): boolean {
    return this.#count >= LIMITS.gatheredIntroductions;
  }

  /**
   * @param work Microseconds that this one costs, here and on the other instance; `listenerId` is charged with them.
   */
  add(listenerId: string, peerId: string, { documentId, work }: { documentId: string; work: number }): void {
    const peers = this.#due.get(listenerId) ?? new Map<string, Due>();
    this.#due.set(listenerId, peers);
    const due = peers.get(peerId) ?? this.#open(peers, peerId);
    due.documentIds.add(documentId);
    // Two peers are introduced once, with all documents.
    due.work = Math.max(due.work, work);
    this.#timer ??= this.#options.clock.after(0, () => {
      this.#timer = undefined;
      this.#options.scheduler.run(this.make(), this.#options.failed);
    });
  }

  /** Makes those that are due. */
  *make(): Steps {
    const due = this.#due;
    this.#due = new Map();
    this.#count = 0;
    for (const [listenerId, peers] of due) {
      for (const [peerId, { documentIds, work }] of peers) {
        yield* this.#options.services.introduce(listenerId, peerId, [...documentIds]);
        if (work > 0) this.#charge(listenerId, work, documentIds.size);
      }
    }
  }

  #open(peers: Map<string, Due>, peerId: string): Due {
    const due: Due = { documentIds: new Set(), work: 0 };
    peers.set(peerId, due);
    this.#count += 1;
    return due;
  }

  #charge(peerId: string, work: number, documents: number): void {
    this.#options.services.charge(peerId, work + documents * LIMITS.introducedDocumentWork);
  }
}
