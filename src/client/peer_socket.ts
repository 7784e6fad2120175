/**
 * A WebSocket with the two methods that make it read like a stream.
 *
 * @module
 */

import type { Environment } from "./environment.ts";
import { PeerStream, READY_BELOW_BYTES } from "./multiplex/peer_stream.ts";
import { checkListener } from "./socket/check_listener.ts";
import { End, type PeerClose } from "./socket/end.ts";
import { Inbox, type PeerData } from "./socket/inbox.ts";
import { OPEN } from "./socket/ready_state.ts";

/** What every class of WebSockets has, also where no types of the DOM are at hand. */
export interface AnySocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: string;
  send(data: string | ArrayBufferLike | ArrayBufferView): void;
  close(code?: number, reason?: string): void;
  // deno-lint-ignore no-explicit-any -- events have types only where the DOM's are
  addEventListener(type: string, listener: (event: any) => void): void;
  // deno-lint-ignore no-explicit-any
  removeEventListener(type: string, listener: (event: any) => void): void;
}

/** The platform's WebSocket, as its types have it. */
export type PlatformSocket = typeof globalThis extends { WebSocket: { prototype: infer Socket extends object } }
  ? Socket
  : AnySocket;

/** A connection to a peer about a document: a `WebSocket`, and what makes it read like a stream. */
export interface PeerSocket extends PlatformSocket {
  /** The same as `send()`. */
  write(data: Parameters<PlatformSocket["send"]>[0]): void;
  /** Resolves when less than 256 KiB are buffered, or at the end: for who sends much. */
  readonly ready: Promise<void>;
  /**
   * Calls `listener` with every message. The first listener hears what came before it, too, up to 1 MiB; if it was more,
   * this throws.
   */
  on(event: "data", listener: (data: PeerData) => void): this;
  /** Calls `listener` when the connection is over, or soon if it is already. */
  on(event: "close", listener: (event: PeerClose) => void): this;
}

/** A class of WebSockets: the platform's own, or one like that of the npm package `ws`. */
export type WebSocketClass = new (url: string) => {
  readonly readyState: number;
  binaryType: string;
  // deno-lint-ignore no-explicit-any -- `ws` and the DOM type their payloads and listeners too differently to name both
  send(data: any): void;
  close(code?: number, reason?: string): void;
  // deno-lint-ignore no-explicit-any
  addEventListener(type: any, listener: any): void;
};

/** How often it is looked whether a socket has sent enough. */
const LOOK_EVERY_MS = 10;

type Listener = (value: unknown) => void;
type Method = (this: unknown, ...values: unknown[]) => unknown;

/**
 * Makes a peer socket of a WebSocket that was just made. The methods are put on the object itself: who wraps the
 * platform's class hands out objects that are not of any class made from it.
 */
export function toPeerSocket(socket: PlatformSocket, time: Pick<Environment, "after">): PeerSocket {
  if (socket as unknown instanceof PeerStream) return socket as PeerSocket;
  socket.binaryType = "arraybuffer";
  const inbox = new Inbox();
  const end = new End();
  socket.addEventListener("message", ({ data }: { data: PeerData }) => {
    if (typeof (socket as { onmessage?: unknown }).onmessage === "function") inbox.forgo();
    inbox.receive(data);
  });
  socket.addEventListener("close", (event: PeerClose) => end.come(event));
  Object.defineProperty(socket, "ready", { get: () => whenReady(socket, time), configurable: true });
  addMethods(socket, (event, listener) => event === "data" ? inbox.listen(listener) : end.listen(listener), inbox);
  return socket as PeerSocket;
}

/** WebSockets do not tell when they have sent something. */
function whenReady(socket: PlatformSocket, { after }: Pick<Environment, "after">): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (socket.readyState > OPEN || socket.bufferedAmount < READY_BELOW_BYTES) resolve();
      else after(LOOK_EVERY_MS, look);
    };
    look();
  });
}

function addMethods(socket: PlatformSocket, listen: (event: string, listener: Listener) => void, inbox: Inbox): void {
  const { addEventListener, on } = socket as unknown as Record<string, Method | undefined>;
  let isAdding = false; // `ws` implements addEventListener with `on`, which must then be its own
  define(socket, "write", (data) => socket.send(data as string));
  define(socket, "on", (event, listener) => {
    // The sockets of `ws` are event emitters too, and have an `on` of their own for any event.
    checkListener(event, listener, on !== undefined);
    if (event === "message") inbox.forgo();
    if (isAdding || (event !== "data" && event !== "close")) on?.call(socket, event, listener);
    else listen(event, listener as Listener);
    return socket;
  });
  define(socket, "addEventListener", (...values) => {
    if (values[0] === "message") inbox.forgo();
    isAdding = true;
    try {
      addEventListener?.apply(socket, values);
    } finally {
      isAdding = false;
    }
  });
}

function define(socket: PlatformSocket, name: string, value: (...values: unknown[]) => unknown): void {
  Object.defineProperty(socket, name, { value, configurable: true, writable: true });
}
