/**
 * Introductions that wait to be sent.
 *
 * @module
 */

import type { Steps, WorkScheduler } from "../core/scheduling/work_scheduler.ts";
import { memoryBytes, type Message } from "../core/message.ts";
import type { Registration } from "./registration.ts";

/** Frames that are sent in one step. */
const STEP = 8;

/**
 * Sends at once while there is time, and otherwise gathers what several slices of work produce: when a thousand peers
 * join the same document, each gets many introductions in one write.
 */
export class Outbox {
  readonly #scheduler: WorkScheduler;
  readonly #failed: (error: unknown) => void;
  #listeners: Registration[] = [];
  #isSending = false;

  constructor(scheduler: WorkScheduler, failed: (error: unknown) => void) {
    this.#scheduler = scheduler;
    this.#failed = failed;
  }

  push(listener: Registration, message: Message): void {
    if (listener.unsent.push(message) === 1) this.#listeners.push(listener);
    listener.unsentBytes += memoryBytes(message);
    listener.weigh();
    if (!this.#isSending) this.#sendLater();
  }

  #sendLater(): void {
    this.#isSending = true;
    this.#scheduler.runLast(this.#send(), (error) => {
      this.#isSending = false;
      this.#failed(error);
    });
  }

  *#send(): Steps {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) yield* sendTo(listener);
    this.#isSending = false;
    if (this.#listeners.length > 0) this.#sendLater();
  }
}

/** Frames that are added meanwhile are sent the next time. */
function* sendTo(listener: Registration): Steps {
  const messages = listener.unsent;
  listener.unsent = [];
  for (const [at, message] of messages.entries()) {
    if (!listener.isOpen) return;
    listener.unsentBytes -= memoryBytes(message);
    listener.socket.send(message);
    if (at % STEP === STEP - 1) yield;
  }
  yield;
}
