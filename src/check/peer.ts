/**
 * One side of a conversation: a WebSocket whose frames are awaited.
 *
 * @module
 */

import type { Close } from "../protocol.ts";
import type { RelayAddress } from "./address.ts";
import { Deadline, Late } from "./deadline.ts";
import { type Frame, quoted } from "./frames.ts";
import { whyRefused } from "./refusal.ts";
import { Fault } from "./step.ts";

/** A relay that does not answer a close is left after this: the process ends soon. */
const FAREWELL_MS = 500;

/** Nothing more comes: the socket is closed. */
export class Closed extends Error {
  override name = "Closed";

  constructor(readonly close: Close) {
    super(`the socket was closed with ${shownClose(close)}`);
  }
}

/** An open WebSocket. */
export class Peer implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #frames: Frame[] = [];
  #close: Close | undefined;
  #changed = Promise.withResolvers<void>();

  /** Connects. Throws a {@link Fault} that says why it cannot. */
  static async open(address: RelayAddress, path: string, by: Deadline): Promise<Peer> {
    const peer = new Peer(new WebSocket(address.socket(path)));
    try {
      await by.within(peer.#opened());
      return peer;
    } catch (error) {
      peer.#socket.close();
      throw new Fault(await whyRefused(address, { path, error: (error as Error).message }, by));
    }
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#heard(typeof data === "string" ? data : new Uint8Array(data));
    socket.onclose = ({ code, reason }) => {
      this.#close = { code, reason };
      this.#changed.resolve();
    };
  }

  send(frame: Frame): void {
    // A socket that is closed says so when the answer is awaited.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  /** The next frame. Throws {@link Late}, or {@link Closed} when there will be none. */
  async next(by: Deadline): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#close !== undefined) throw new Closed(this.#close);
      await this.#change(by);
    }
    return this.#frames.shift()!;
  }

  /** Closes it from this side. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** How it was closed, skipping what came before. Throws {@link Late}. */
  async closed(by: Deadline): Promise<Close> {
    while (this.#close === undefined) await this.#change(by);
    return this.#close;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.closed(new Deadline(FAREWELL_MS)).catch(() => {});
  }

  #heard(frame: Frame): void {
    this.#frames.push(frame);
    this.#changed.resolve();
  }

  async #change(by: Deadline): Promise<void> {
    await by.within(this.#changed.promise);
    this.#changed = Promise.withResolvers();
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.onopen = () => resolve();
      this.#socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
  }
}

/** What to say when a socket gave no frame. */
export function whyNothing(error: unknown): string {
  if (error instanceof Late || error instanceof Closed) return error.message;
  throw error;
}

/** A close in a few words. */
export function shownClose({ code, reason }: Close): string {
  const [NO_CODE, NO_FRAME] = [1005, 0]; // the runtime says 0 where the standard says 1006
  const shown = code === NO_CODE ? "no code" : code === NO_FRAME ? "no close frame" : `${code}`;
  return reason === "" ? shown : `${shown} ${quoted(reason, 123)}`;
}
