/**
 * A socket that is no WebSocket of the platform's own: everything of that interface that has to do with listening, and
 * the names of its states.
 *
 * @module
 */

import { CLOSED, CLOSING, CONNECTING, OPEN } from "./ready_state.ts";

// deno-lint-ignore no-explicit-any -- each event has a type of its own, and libraries bring others with the same names
type Listener = (event: any) => unknown;
type Handler = Listener | null;

/** Tells its listeners, and its `on...` handlers, what happens. */
export class SocketEvents extends EventTarget {
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;
  readonly #handlers = new Map<string, { handler: Handler; listener: Listener }>();

  get onopen(): Handler {
    return this.#handler("open");
  }

  set onopen(handler: Handler) {
    this.#handle("open", handler);
  }

  get onmessage(): Handler {
    return this.#handler("message");
  }

  set onmessage(handler: Handler) {
    this.#handle("message", handler);
  }

  get onclose(): Handler {
    return this.#handler("close");
  }

  set onclose(handler: Handler) {
    this.#handle("close", handler);
  }

  get onerror(): Handler {
    return this.#handler("error");
  }

  set onerror(handler: Handler) {
    this.#handle("error", handler);
  }

  /** Not every platform has an event class for each of them. */
  protected tell(type: "open" | "close" | "error", values: Record<string, unknown> = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), values));
  }

  #handler(type: string): Handler {
    return this.#handlers.get(type)?.handler ?? null;
  }

  #handle(type: string, handler: Handler): void {
    const before = this.#handlers.get(type);
    if (before !== undefined) this.removeEventListener(type, before.listener);
    this.#handlers.delete(type);
    if (typeof handler !== "function") return;
    const listener: Listener = (event) => void handler.call(this, event);
    this.#handlers.set(type, { handler, listener });
    this.addEventListener(type, listener);
  }
}
