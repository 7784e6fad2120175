/**
 * A WebSocket whose frames can be awaited.
 *
 * @module
 */

import type { Close } from "../../protocol.ts";
import type { RelayAddress } from "../address.ts";
import { Deadline } from "../deadline.ts";
import type { Frame } from "./frames.ts";
import { whyRefused } from "../refusal.ts";
import { Inbox, type Side } from "./side.ts";
import { Fault } from "../steps/step.ts";

/** Milliseconds for the answer to a close. */
const FAREWELL_MS = 500;

/** An open WebSocket. */
export class Peer implements Side, AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #inbox = new Inbox();

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
    socket.onmessage = ({ data }) => this.#inbox.receive(data);
    socket.onclose = (close) => this.#inbox.end(close);
  }

  send(frame: Frame): void {
    // A closed socket is reported when the answer is awaited.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  /** Bytes that were sent and have not gone out. */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  next(by: Deadline): Promise<Frame> {
    return this.#inbox.next(by);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  closed(by: Deadline): Promise<Close> {
    return this.#inbox.closed(by);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.closed(new Deadline(FAREWELL_MS)).catch(() => {});
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.onopen = () => resolve();
      this.#socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
  }
}
