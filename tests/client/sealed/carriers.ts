/**
 * Sealed conversations over sockets that are in the hands of a test, which plays the relay.
 *
 * @module
 */

import { Seal, type SealedSocket, type WireConversation } from "../../../src/client/sealed/mod.ts";
import { FakeClock } from "../../helpers/fakes.ts";

export type Frame = string | Uint8Array<ArrayBuffer>;

/** A WebSocket whose other end is the test. */
export class FakeCarrier extends EventTarget {
  readyState = 0;
  readonly bufferedAmount = 0;
  binaryType = "blob";
  readonly url = "ws://relay/connection/a/b/c";
  readonly protocol = "";
  readonly extensions = "";
  /** What was sent and has not been taken away. */
  readonly sent: Uint8Array<ArrayBuffer>[] = [];
  closedWith: { code?: number; reason?: string } | undefined;

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState === 1) this.sent.push(data.slice());
  }

  close(code?: number, reason?: string): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.closedWith = { code, reason };
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** As platforms do, nothing arrives any more at a socket that is closing. */
  receive(frame: Frame): void {
    const data = typeof frame === "string" ? frame : frame.slice().buffer;
    if (this.readyState === 1) this.dispatchEvent(new MessageEvent("message", { data }));
  }

  end(code: number, reason = ""): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

/** One end of a conversation, and all that its application was told. */
export class End {
  readonly carrier = new FakeCarrier();
  readonly clock = new FakeClock();
  readonly socket: SealedSocket;
  readonly localId: string;
  readonly heard: (string | Uint8Array)[] = [];
  readonly errors: string[] = [];
  readonly closes: { code: number; reason: string; wasClean: boolean }[] = [];
  /** The names of those who were announced. */
  readonly met: (string | undefined)[] = [];

  constructor(readonly userName: string, seal: Seal, conversation: WireConversation, isOpen = false) {
    this.carrier.readyState = isOpen ? 1 : 0;
    const after = (milliseconds: number, action: () => void) => {
      const timer = this.clock.after(milliseconds, action);
      return () => timer.cancel();
    };
    this.localId = conversation.localId;
    this.socket = seal.wrap(this.carrier, conversation, { userName, after });
    this.#listen();
  }

  get closeCode(): number | undefined {
    return this.closes[0]?.code;
  }

  #listen(): void {
    this.socket.addEventListener("open", () => this.met.push(this.socket.userName));
    this.socket.addEventListener("error", (event) => this.errors.push((event as ErrorEvent).message));
    this.socket.addEventListener("message", (event) => {
      const { data } = event as MessageEvent;
      this.heard.push(typeof data === "string" ? data : new Uint8Array(data));
    });
    this.socket.addEventListener("close", (event) => {
      const { code, reason, wasClean } = event as CloseEvent;
      this.closes.push({ code, reason, wasClean });
    });
  }
}

/** Two peers, with an honest relay between them unless the test does something else. */
export class Pair {
  readonly left: End;
  readonly right: End;

  constructor({ seals = [SEAL, SEAL], names = ["alice", "bob"], claims = names, isOpen }: PairOptions = {}) {
    const documentId = SEAL.wireId("document", "doc");
    const [leftId, rightId] = names.map((name) => SEAL.wireId("user", name));
    this.left = new End(claims[0], seals[0], { localId: leftId, remoteId: rightId, documentId }, isOpen);
    this.right = new End(claims[1], seals[1], { localId: rightId, remoteId: leftId, documentId }, isOpen);
  }

  /** The end whose id on the wire is smaller, then the other. */
  get inOrder(): [initiator: End, responder: End] {
    return this.left.localId < this.right.localId ? [this.left, this.right] : [this.right, this.left];
  }

  /** Both are connected to the relay, which has not passed anything on. */
  open(): this {
    this.left.carrier.open();
    this.right.carrier.open();
    return this;
  }

  /** The relay passes everything on, until there is nothing more. */
  settle(): this {
    const ends = [[this.left, this.right], [this.right, this.left]];
    while (ends.some(([from, to]) => this.passOne(from, to)));
    for (const [from, to] of ends) this.#passClose(from, to);
    return this;
  }

  /** The relay passes one frame on. Returns whether there was one. */
  passOne(from: End, to: End): boolean {
    const frame = from.carrier.sent.shift();
    if (frame !== undefined) to.carrier.receive(frame);
    return frame !== undefined;
  }

  #passClose(from: End, to: End): void {
    const close = from.carrier.closedWith;
    if (close === undefined) return;
    to.carrier.end(close.code ?? 1005, close.reason);
    from.carrier.end(close.code ?? 1005, close.reason);
  }
}

export interface PairOptions {
  readonly seals?: [left: Seal, right: Seal];
  /** What their ids on the wire are made of. */
  readonly names?: [left: string, right: string];
  /** What they say their names are. */
  readonly claims?: [left: string, right: string];
  /** Whether their sockets are open before they are wrapped. */
  readonly isOpen?: boolean;
}

export const SEAL = new Seal(new Uint8Array(32).fill(1));
export const OTHER_SEAL = new Seal(new Uint8Array(32).fill(2));
