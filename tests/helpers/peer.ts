/** A plain WebSocket with awaited frames, as the documented API has it. */

import { Inbox } from "./process.ts";
import { webSocketTrusting } from "./trust.ts";

/** How a socket ended, as its peer was told. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket of the platform, opened. */
export class Peer implements AsyncDisposable {
  readonly #frames = new Inbox<string | Uint8Array>();
  readonly closed: Promise<Closed>;

  private constructor(readonly socket: WebSocket) {
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#frames.push(typeof data === "string" ? data : new Uint8Array(data));
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        this.#frames.end(new Error(`the socket was closed: ${code} ${reason}`));
        resolve({ code, reason });
      };
    });
  }

  /** Connects; rejects when the relay refuses. */
  static async open(url: string): Promise<Peer> {
    const peer = new Peer(webSocketTrusting(url));
    await new Promise((resolve, reject) => {
      peer.socket.onopen = resolve;
      peer.socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    peer.socket.onerror = () => {};
    return peer;
  }

  send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(frame);
  }

  say(message: unknown): void {
    this.send(JSON.stringify(message));
  }

  /** The next frame, come or yet to come. */
  next(): Promise<string | Uint8Array> {
    return this.#frames.next("a frame");
  }

  async heard(): Promise<unknown> {
    return JSON.parse(await this.next() as string);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
