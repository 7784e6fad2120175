/**
 * A WebSocket with the two methods that make it read like a stream.
 *
 * @module
 */

/** What comes from a peer: text as a string, binary as an `ArrayBuffer`. */
export type PeerData = string | ArrayBuffer;

/** How a connection to a peer ended: what a `CloseEvent` says, for platforms without that type too. */
export interface PeerClose {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** A connection to a peer about a document. */
export interface PeerSocket extends WebSocket {
  /** The same as `send()`. */
  write(data: Parameters<WebSocket["send"]>[0]): void;
  /** Calls `listener` with every message. */
  on(event: "data", listener: (data: PeerData) => void): this;
  /** Calls `listener` when the connection is over. */
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

/** Makes a class of peer sockets out of a class of WebSockets, whose instances they are. */
export function peerSocketClass(Base: WebSocketClass): new (url: string) => PeerSocket {
  let isAdding = false; // not a field: the constructor of a base may add listeners before there are any

  class BasedPeerSocket extends (Base as unknown as typeof WebSocket) {
    constructor(url: string) {
      super(url);
      this.binaryType = "arraybuffer";
    }

    write(data: Parameters<WebSocket["send"]>[0]): void {
      this.send(data);
    }

    on(event: string, listener: (value: unknown) => void): this {
      if (typeof listener !== "function") {
        throw new TypeError(`Cannot listen to a peer socket: want a function, got ${typeof listener}`);
      }
      if (isAdding || (event !== "data" && event !== "close")) return onBase(this, event, listener);
      if (event === "data") this.addEventListener("message", (message) => listener((message as MessageEvent).data));
      else this.addEventListener("close", listener);
      return this;
    }

    // `ws` implements addEventListener with `on`, which must then be its own.
    override addEventListener(...values: Parameters<WebSocket["addEventListener"]>): void {
      isAdding = true;
      try {
        super.addEventListener(...values);
      } finally {
        isAdding = false;
      }
    }
  }

  /** The sockets of `ws` are event emitters too, and have an `on` of their own. */
  function onBase<Socket>(socket: Socket, event: string, listener: unknown): Socket {
    const { on } = Base.prototype as { on?(event: string, listener: unknown): unknown };
    if (on === undefined) {
      throw new TypeError(`Cannot listen to a peer socket: want "data" or "close", got "${event}"`);
    }
    on.call(socket, event, listener);
    return socket;
  }

  return BasedPeerSocket as unknown as new (url: string) => PeerSocket;
}
