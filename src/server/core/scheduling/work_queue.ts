/**
 * A queue of work items that are processed in order, as one job of the scheduler.
 *
 * @module
 */

import { Queue } from "../queue.ts";
import type { Steps, WorkScheduler } from "./work_scheduler.ts";

/** What to do with each item, and when that throws. */
export interface WorkQueueOptions<T> {
  readonly scheduler: WorkScheduler;
  readonly work: (item: T) => Steps | void;
  readonly failed: (error: unknown) => void;
}

/** Processes items one after the other. When one throws, it goes on with the next. */
export class WorkQueue<T> {
  readonly #options: WorkQueueOptions<T>;
  readonly #items = new Queue<T>();
  #isRunning = false;

  constructor(options: WorkQueueOptions<T>) {
    this.#options = options;
  }

  push(item: T): void {
    this.#items.push(item);
    if (!this.#isRunning) this.#run();
  }

  #run(): void {
    this.#isRunning = true;
    this.#options.scheduler.run(this.#work(), (error) => {
      this.#isRunning = false;
      this.#options.failed(error);
      if (this.#items.size > 0) this.#run();
    });
  }

  *#work(): Steps {
    while (this.#items.size > 0) {
      yield* this.#options.work(this.#items.shift()!) ?? [];
      yield;
    }
    this.#isRunning = false;
  }
}
