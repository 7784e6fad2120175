/**
 * Runs long work in slices, so that other peers are served in between, whatever the message of one client costs.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { LIMITS } from "../limits.ts";
import type { Poll } from "./poll.ts";

/** Work that may be interrupted wherever it yields. A step must stay well below {@link LIMITS.sliceMs}. */
export type Steps = Generator<void, void>;

/** Steps, and what to do when one of them throws. */
interface Job {
  readonly steps: Steps;
  readonly failed: (error: unknown) => void;
}

/**
 * Runs jobs at once while the slice of this turn of the event loop lasts, and the rest round robin in later turns.
 */
export class WorkScheduler {
  readonly #clock: Clock;
  readonly #poll: Poll;
  readonly #jobs = new Set<Job>();
  /** Jobs that wait until there is nothing else to do, and since when they wait. */
  #last: Job[] = [];
  #lastSince = 0;
  #isWorking = false;
  /** Milliseconds that jobs took in this turn. */
  #spentMs = 0;
  #timer: Timer | undefined;
  #isPolling = false;

  constructor(clock: Clock, poll: Poll) {
    this.#clock = clock;
    this.#poll = poll;
  }

  /** Runs the steps in order, as many of them as there is time for before this returns. */
  run(steps: Steps, failed: (error: unknown) => void): void {
    this.#jobs.add({ steps, failed });
    // The loop that is running takes what a step starts.
    if (!this.#isWorking) this.#work();
  }

  /** Runs the steps when there is nothing else to do, but in {@link LIMITS.gatherMs} at the latest. */
  runLast(steps: Steps, failed: (error: unknown) => void): void {
    if (this.#last.push({ steps, failed }) === 1) this.#lastSince = this.#clock.now();
    if (!this.#isWorking) this.#work();
  }

  /** Resolves when no work is left. */
  async finished(): Promise<void> {
    while (this.#hasWork) await new Promise<void>((resolve) => this.#poll.after(resolve));
  }

  #work(): void {
    this.#isWorking = true;
    const startedAt = this.#clock.now();
    const until = startedAt + LIMITS.sliceMs - this.#spentMs;
    let now = startedAt;
    for (let job = this.#next(now); job !== undefined && now < until; job = this.#next(now)) {
      this.#jobs.delete(job);
      now = this.#advance(job, Math.min(until, now + LIMITS.sliceShareMs));
    }
    this.#isWorking = false;
    this.#spentMs += now - startedAt;
    if (this.#spentMs > 0) this.#awaitTurn();
  }

  get #hasWork(): boolean {
    return this.#jobs.size + this.#last.length > 0;
  }

  /** A timer is slower than the poll and costs less: it does where nothing waits. */
  #awaitTurn(): void {
    if (this.#isPolling) return;
    if (!this.#hasWork) {
      this.#timer ??= this.#clock.after(LIMITS.pollMs, () => this.#beginTurn());
      return;
    }
    this.#isPolling = true;
    this.#poll.after(() => this.#beginTurn());
  }

  #beginTurn(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isPolling = false;
    this.#spentMs = 0;
    if (this.#hasWork) this.#work();
  }

  /** The next job, without removing it. */
  #next(now: number): Job | undefined {
    if (this.#last.length > 0 && (this.#jobs.size === 0 || now - this.#lastSince >= LIMITS.gatherMs)) {
      for (const job of this.#last.splice(0)) this.#jobs.add(job);
    }
    return this.#jobs.values().next().value;
  }

  /** Runs steps until a moment, at least one; returns the time at which it ended. */
  #advance(job: Job, until: number): number {
    try {
      do if (job.steps.next().done) return this.#clock.now(); while (this.#clock.now() < until);
      this.#jobs.add(job);
    } catch (error) {
      job.failed(error);
    }
    return this.#clock.now();
  }
}
