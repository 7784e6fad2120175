/**
 * One side of a conversation, whose frames can be awaited.
 *
 * @module
 */

import type { Close } from "../../protocol.ts";
import { type Deadline, Late } from "../deadline.ts";
import { type Frame, quoted } from "./frames.ts";

/** What a WebSocket and a stream have in common. */
export interface Side {
  send(frame: Frame): void;
  /** The next frame. Throws {@link Late}, or {@link Closed} when there will be none. */
  next(by: Deadline): Promise<Frame>;
  /** Closes it from this side. */
  close(code: number, reason: string): void;
  /** How it was closed, skipping what came before. Throws {@link Late}. */
  closed(by: Deadline): Promise<Close>;
}

/** The other end has closed, and no frame is left. */
export class Closed extends Error {
  override name = "Closed";

  constructor(readonly close: Close) {
    super(`the socket was closed with ${shownClose(close)}`);
  }
}

/** Keeps frames until they are awaited. */
export class Inbox {
  readonly #frames: Frame[] = [];
  #close: Close | undefined;
  #changed = Promise.withResolvers<void>();

  /** Adds a frame. */
  receive(data: string | ArrayBuffer): void {
    this.#frames.push(typeof data === "string" ? data : new Uint8Array(data));
    this.#changed.resolve();
  }

  /** No more frames come. */
  end({ code, reason }: Close): void {
    this.#close = { code, reason };
    this.#changed.resolve();
  }

  /** See {@link Side}. */
  async next(by: Deadline): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#close !== undefined) throw new Closed(this.#close);
      await this.#change(by);
    }
    return this.#frames.shift()!;
  }

  /** See {@link Side}. */
  async closed(by: Deadline): Promise<Close> {
    while (this.#close === undefined) await this.#change(by);
    return this.#close;
  }

  async #change(by: Deadline): Promise<void> {
    await by.within(this.#changed.promise);
    this.#changed = Promise.withResolvers();
  }
}

/** The reason why no frame came, for the report. */
export function whyNothing(error: unknown): string {
  if (error instanceof Late || error instanceof Closed) return error.message;
  throw error;
}

/** A close in a few words. */
export function shownClose({ code, reason }: Close): string {
  const [NO_CODE, NO_FRAME] = [1005, 0]; // Deno has 0 where the standard has 1006.
  const shown = code === NO_CODE ? "no code" : code === NO_FRAME ? "no close frame" : `${code}`;
  return reason === "" ? shown : `${shown} ${quoted(reason, 123)}`;
}
