/**
 * The interface of transports. A transport passes requests to a handler, which returns a response, or an upgrade that
 * the transport carries out in the same turn.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Close, type JoinRefusal, WIRE_LIMITS } from "../../protocol.ts";
import type { Budget } from "../core/memory_budget.ts";
import { type Message, messageBytes, Part } from "../core/message.ts";
import type { RequestHead } from "../core/request_head.ts";
import type { Tls } from "../core/tls.ts";

/** What one connection socket sends to the other: a whole message, a part of one, or the bytes of several frames. */
export type Chunk = Message | Part | Splice;

/** The contents of a splice. Frames count where they end, bytes where they are. */
export interface SpliceContents {
  readonly messages: number;
  readonly emptyFrames: number;
  readonly text: number;
  readonly binary: number;
  readonly textBytes: number;
  readonly binaryBytes: number;
}

/** A buffer of a pool. Its last owner releases it, at most once; the collector takes one that is never released. */
export interface Releasable {
  release(): void;
}

/** Frames, or parts of them, as bytes for the wire. Only transports whose connections splice send or take them. */
export class Splice {
  /**
   * @param tail Bytes at the end that belong to a frame that has not ended; `Infinity` for all of them and earlier
   * ones.
   * @param buffer Contains the bytes, and nothing else.
   */
  constructor(
    readonly bytes: Uint8Array<ArrayBuffer>,
    readonly contents: SpliceContents,
    readonly tail: number,
    readonly buffer?: Releasable,
  ) {}

  get byteLength(): number {
    return this.bytes.byteLength;
  }

  /** Releases the buffer: the bytes are copied, or sent. */
  release(): void {
    this.buffer?.release();
  }
}

/** Messages that end in a chunk. */
export function messageCount(chunk: Chunk): number {
  if (chunk instanceof Part) return chunk.ends ? 1 : 0;
  return chunk instanceof Splice ? chunk.contents.messages : 1;
}

/** Messages, or fragments of them, without payload. */
export function emptyCount(chunk: Chunk, size: number): number {
  return chunk instanceof Splice ? chunk.contents.emptyFrames : size === 0 ? 1 : 0;
}

/** Bytes of a chunk on the wire; of a message without the header of its frame. */
export function byteLength(chunk: Chunk): number {
  return typeof chunk === "string" ? messageBytes(chunk) : chunk.byteLength;
}

/** A copy of what is lent: it may fill the memory that is read into again. An `ArrayBuffer` is the receiver's own. */
export function detached(chunk: Message): Message;
export function detached(chunk: Message | Part): Message | Part;
export function detached(chunk: Message | Part): Message | Part {
  if (chunk instanceof Part) return chunk.detached();
  return chunk instanceof Uint8Array ? chunk.slice() : chunk;
}

/** The close as an API can send it: a code that may not be sent becomes 1000, and a long reason is cut. */
export function sendable({ code, reason }: Close): Close {
  const isSendable = SENDABLE_CODES.has(code) || (code >= 3000 && code <= 4999);
  return isSendable ? { code, reason: cutToBytes(reason, WIRE_LIMITS.closeReasonBytes) } : { code: 1000, reason: "" };
}

/** Codes that RFC 6455 and its registry allow an endpoint to send, besides 3000 to 4999. */
const SENDABLE_CODES = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013]);

function cutToBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(most));
  return text.slice(0, read);
}

/** How a socket ended. `code` is undefined when it vanished without a close frame. */
export interface Ending {
  readonly code: number | undefined;
  readonly reason: string;
}

/** Gets what happens to a socket. */
export interface SocketListener {
  /** The bytes of messages, and of parts of them, are lent until this returns: whoever keeps them copies them. */
  message(chunk: Chunk): void;
  /** The backlog has become smaller. Called only by sockets that can pause. */
  drained?(): void;
  /** This socket sends nothing any more, though it may not be gone yet. May be called once, before `closed`. */
  ending(ending: Ending): void;
  /** The socket is gone. Called exactly once. */
  closed(ending: Ending): void;
}

/** The listener of a socket that has no other yet. */
export const NOBODY: SocketListener = { message: () => {}, ending: () => {}, closed: () => {} };

/** An open socket of one peer, or of a peer on another instance. */
export interface PeerSocket {
  /** Bytes that were sent and that the network has not taken, with what keeping them costs. */
  readonly backlog: number;
  /** It is a stream inside another socket: it takes messages in parts, has credit of its own, and needs no pings. */
  readonly isStream?: boolean;
  /** Bytes of a message whose parts are being assembled: a pause would not make them fewer. */
  readonly unfinished?: number;
  /** The memory budget that it shares with other sockets, if it does. */
  readonly budget?: Budget;
  send(chunk: Chunk): void;
  /** What was sent goes out now, and not at the end of the turn of the event loop, where the transport waits for that. */
  flush?(): void;
  /**
   * Starts the closing handshake, behind all that was sent and the end of the present frame. After it only the end of
   * that frame is sent, and the listener gets only the end of a frame of the peer, and `closed`.
   *
   * @param isCut The present frame will not end, since its sender is gone.
   */
  close(close: Close, isCut?: boolean): void;
  /** Replaces the listener. */
  listen(listener: SocketListener): void;
  /**
   * From now on a binary message that came in a frame of its own is heard as that frame, a {@link Splice}, where the
   * transport splices: who passes it on as it is need not copy it.
   */
  giveFrames?(): void;
  /** There is another side now, which answers pings, where the transport passes them on. */
  paired?(partner: PeerSocket): void;
  /** Stops reading, where the transport can: backpressure, instead of closing a sender that is too fast. */
  pause?(): void;
  /** Reads again. `close` does so, too, for the peer's answer. */
  resume?(): void;
  /** Ends the socket without a handshake, where the transport can. */
  terminate?(): void;
}

/** The introduction socket of a peer, which may be able to send more than introductions. */
export interface IntroductionSocket extends PeerSocket {
  /** Sends the peer the documents that its join did not get. */
  refuse?(documentIds: readonly string[], reason: JoinRefusal): void;
  /** Asks the peer to reconnect at a random moment within so many seconds. */
  goAway?(seconds: number): void;
}

/** The grant of a request to become a socket. */
export class Upgrade {
  /**
   * @param opened The socket is open; frames may be sent.
   * @param ended Called exactly once, when the socket is gone or could not open.
   * @param crosses What it sends is for another socket, and need not be parsed.
   * @param subprotocol The subprotocol of the answer, if there is one.
   */
  constructor(
    readonly opened: (socket: PeerSocket) => void,
    readonly ended: () => void,
    readonly crosses: boolean,
    readonly subprotocol?: string,
  ) {}
}

/**
 * Bytes that one frame, or one message of the WebSocket, may have: a frame of an introduction socket is no message of a
 * conversation.
 */
export function mostFrameBytes({ crosses }: Upgrade, maxMessageBytes: number): number {
  return crosses ? maxMessageBytes : Math.max(maxMessageBytes, WIRE_LIMITS.introductionBytes);
}

/** Answers a request of a remote address. Must not wait: see `deno/transport.ts`. */
export type Handler = (request: RequestHead, address: string) => Response | Upgrade;

/** The address that a transport listens on. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Accepts connections, and passes their requests to a handler. */
export interface Transport {
  /** Rejects when the address cannot be bound. */
  listen(handler: Handler): Promise<Address>;
  /** Uses another certificate for new connections, where the transport can; open sockets live on. */
  renew?(tls: Tls): Promise<void>;
  /** Stops listening; sockets that are open live on. */
  close(): Promise<void>;
}
