/**
 * The narrow faces that the rooms see of the network. A transport hands over requests; what comes back is an answer,
 * or an upgrade that the transport carries out in the same turn.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Close, type JoinRefusal, WIRE_LIMITS } from "../../protocol.ts";
import type { Budget } from "../core/memory_budget.ts";
import { type Message, messageBytes, Part } from "../core/message.ts";
import type { Tls } from "../core/tls.ts";

/** What crosses from one connection socket to the other. */
export type Frame = Message | Part | Splice;

/** What a splice holds. Frames are counted where they end, bytes as they come. */
export interface SpliceContents {
  readonly messages: number;
  readonly emptyFrames: number;
  readonly text: number;
  readonly binary: number;
  readonly textBytes: number;
  readonly binaryBytes: number;
}

/** A buffer of a pool. Its last owner releases it, at most once; one that is never released is left to the collector. */
export interface Releasable {
  release(): void;
}

/** Frames, or parts of them, as bytes for the wire. Only transports whose connections splice make or take them. */
export class Splice {
  /**
   * @param tail Bytes at the end that belong to a frame that has not ended; `Infinity` for all of them and earlier ones.
   * @param buffer What the bytes stand in, and nothing else does.
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

  /** What was in it is copied, or has gone. */
  release(): void {
    this.buffer?.release();
  }
}

/** Messages in a frame. */
export function messageCount(frame: Frame): number {
  if (frame instanceof Part) return frame.ends ? 1 : 0;
  return frame instanceof Splice ? frame.contents.messages : 1;
}

/** Messages, or fragments of them, without payload. */
export function emptyCount(frame: Frame, size: number): number {
  return frame instanceof Splice ? frame.contents.emptyFrames : size === 0 ? 1 : 0;
}

/** Bytes of a frame on the wire, without its header. */
export function byteLength(frame: Frame): number {
  return typeof frame === "string" ? messageBytes(frame) : frame.byteLength;
}

/** The close as an API can send it: codes that are not for the wire become 1000, long reasons are cut. */
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

/** Who hears what happens to a socket. */
export interface SocketListener {
  message(frame: Frame): void;
  /** The backlog has become smaller. Heard only of sockets that can pause. */
  drained?(): void;
  /** Nothing more comes from this socket, though it may not be gone yet. May be called, once, before `closed`. */
  ending(ending: Ending): void;
  /** The socket is really gone. Called exactly once. */
  closed(ending: Ending): void;
}

/** Hears a socket until a room does. */
export const NOBODY: SocketListener = { message: () => {}, ending: () => {}, closed: () => {} };

/** An open socket of one peer, or of a peer on another instance. */
export interface PeerSocket {
  /** Bytes that were sent and that the network has not taken yet, with what keeping them costs. */
  readonly backlog: number;
  /** It is a stream inside another socket: it takes messages in parts, has credit of its own, and needs no pings. */
  readonly isStream?: boolean;
  /** Bytes of a message that is being put together of its parts: no pause would make them fewer. */
  readonly unfinished?: number;
  /** Where what is kept for it counts, if it shares that with other sockets. */
  readonly budget?: Budget;
  send(frame: Frame): void;
  /**
   * Starts the closing handshake, behind all that was sent and the frame under way. After it only the rest of that frame
   * is sent, and only the rest of another one and `closed` are heard.
   *
   * @param isCut The frame under way will not end, since who sends it is gone.
   */
  close(close: Close, isCut?: boolean): void;
  /** From now on `listener` hears this socket, in place of whoever did before. */
  listen(listener: SocketListener): void;
  /** From now on there is another side, which answers pings: where the transport lets them cross. */
  paired?(): void;
  /** Stops reading, where the transport can: back-pressure instead of a cut. */
  pause?(): void;
  /** Reads again; also `close` does, to hear the peer's answer. */
  resume?(): void;
  /** Ends the socket without a handshake, where the transport can. */
  terminate?(): void;
}

/** The socket of a peer for introductions, which may be able to say more than those. */
export interface IntroductionSocket extends PeerSocket {
  /** Tells the peer which documents its join did not get. */
  refuse?(documentIds: readonly string[], reason: JoinRefusal): void;
  /** Asks the peer to come again at a random moment within. */
  goAway?(seconds: number): void;
}

/** A request to become a socket that was granted. */
export class Upgrade {
  /**
   * @param opened The socket is open; frames may be sent.
   * @param ended Called exactly once, when the socket is gone or never came to be.
   * @param crosses What it sends is for another socket of its kind, and need not be read.
   * @param subprotocol What the answer names, if anything.
   */
  constructor(
    readonly opened: (socket: PeerSocket) => void,
    readonly ended: () => void,
    readonly crosses: boolean,
    readonly subprotocol?: string,
  ) {}
}

/** Answers a request of a remote address. Must not wait: see the guards in `deno_transport.ts`. */
export type Handler = (request: Request, address: string) => Response | Upgrade;

/** Where a transport listens. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Something that accepts connections and hands them to a handler. */
export interface Transport {
  /** Rejects when the address cannot be bound. */
  listen(handler: Handler): Promise<Address>;
  /** Takes another certificate for new connections, where the transport can; open sockets live on. */
  renew?(tls: Tls): Promise<void>;
  /** Stops listening; sockets that are open live on. */
  close(): Promise<void>;
}
