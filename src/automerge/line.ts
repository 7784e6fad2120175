/**
 * One connection between two adapters.
 *
 * @module
 */

import type { PeerSocket } from "../client/mod.ts";
import { MessageStream, misunderstood } from "../message_stream.ts";
import { decodeGreeting, decodeMessage, encodeGreeting, encodeMessage } from "./messages.ts";
import type { Message, PeerId, PeerMetadata } from "./repo_types.ts";

/** Who hears what happens on a line. */
export interface LineListener {
  /** The other side is there, and an adapter as we are. Comes once, before any message. */
  greeted(line: Line): void;
  message(message: Message): void;
  /** The other side is none, or behaves like none. */
  failed(error: Error): void;
  /** All that had to wait has gone out. */
  drained(): void;
}

/** Greets the other side, and carries messages. */
export class Line {
  /** Whom it leads to. */
  readonly peerId: PeerId;
  readonly #stream: MessageStream;
  readonly #listener: LineListener;
  #peerMetadata: PeerMetadata | undefined;
  #isOver = false;

  constructor(peerId: PeerId, socket: PeerSocket, listener: LineListener) {
    this.peerId = peerId;
    this.#listener = listener;
    this.#stream = new MessageStream(socket, {
      message: (bytes) => this.#heard(bytes),
      drained: () => listener.drained(),
      failed: (error) => this.#isOver || listener.failed(error),
    });
  }

  /** How the other side presented itself; undefined before it has. */
  get peerMetadata(): PeerMetadata | undefined {
    return this.#peerMetadata;
  }

  /** As clients call it. */
  get userName(): string {
    return this.peerId;
  }

  /** Bytes that have not gone out yet. */
  get waiting(): number {
    return this.#stream.waiting;
  }

  /** Says who we are, also to a peer that has not come yet. */
  greet(peerMetadata: PeerMetadata): void {
    this.#stream.send(encodeGreeting(peerMetadata));
  }

  /** Throws a `RangeError` if it is over 256 MiB. */
  send(message: Message): void {
    this.#stream.send(encodeMessage(message));
  }

  /** Hears nothing any more: a socket can, while it closes. */
  end(): void {
    this.#isOver = true;
  }

  #heard(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#isOver) return;
    let message: Message | undefined;
    try {
      if (this.#peerMetadata === undefined) this.#peerMetadata = decodeGreeting(bytes);
      else message = this.#understand(bytes);
    } catch (error) {
      this.end();
      return this.#listener.failed(error as Error);
    }
    if (message === undefined) this.#listener.greeted(this);
    else this.#listener.message(message);
  }

  #understand(bytes: Uint8Array<ArrayBuffer>): Message {
    const message = decodeMessage(bytes);
    // Repos pass on each other's ephemeral messages, and nothing else.
    if (message.type === "ephemeral" || message.senderId === this.peerId) return message;
    throw misunderstood("messages of its own", `one of ${message.senderId}`);
  }
}
