/**
 * A connection from its accept to its upgrade, or to the one answer that ends it.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock, Timer } from "../../core/clock.ts";
import type { Deadlines } from "../../core/deadlines.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import type { RequestHead } from "../../core/request_head.ts";
import { Refusal } from "../../core/refusal.ts";
import { type Handler, Upgrade } from "../transport.ts";
import type { ChunkBuffer } from "./buffer_pool.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionListener } from "./connection_listener.ts";
import { BadRequest, findEnd, isHopeless, readRequest, withoutEmptyLines } from "./request_head.ts";
import { encodeResponse, encodeUpgrade } from "./response.ts";

/** What a handshake needs besides its connection. */
export interface HandshakeOptions {
  readonly handler: Handler;
  readonly scheme: "http" | "https";
  readonly clock: Clock;
  /** {@link LIMITS.requestMs} from the last start. */
  readonly deadlines: Deadlines<Handshake>;
  readonly log: Logger;
  /** The connection is a WebSocket from here on; `rest` came with the request. */
  readonly upgraded: (connection: Connection, upgrade: Upgrade, rest: Uint8Array) => void;
  /** It is not a handshake any more, whatever became of it. Called exactly once. */
  readonly left: (handshake: Handshake) => void;
}

type Bytes = Buffer<ArrayBuffer>;

const NOTHING: Bytes = Buffer.alloc(0);

/** Reads one request, and no more before it is answered. */
export class Handshake implements ConnectionListener {
  readonly #connection: Connection;
  readonly #address: string;
  readonly #options: HandshakeOptions;
  /** What has come of the request, until that is whole. */
  #head = NOTHING;
  #isAnswered = false;
  /** The answer is out. */
  #isOver = false;
  /** The client says no more. */
  #hasEnded = false;
  #hasLeft = false;
  #patience: Timer | undefined;

  /** @param address Where the connection comes from. */
  constructor(connection: Connection, address: string, options: HandshakeOptions) {
    this.#connection = connection;
    this.#address = address;
    this.#options = options;
    options.deadlines.start(this);
    connection.listen(this);
    connection.resume();
  }

  received(buffer: ChunkBuffer, length: number): void {
    // What follows an answer is read and thrown away, so that the client hears the answer, and not a reset.
    if (!this.#isAnswered) this.#read(Buffer.from(buffer.bytes.buffer, 0, length));
    buffer.release();
  }

  taken(): void {}

  /** Who has asked may end its side, and still wants the answer. */
  ended(): void {
    this.#hasEnded = true;
    if (!this.#isAnswered || this.#isOver) this.destroy();
  }

  gone(): void {
    this.#leave();
  }

  /** Makes room for somebody else, at once: many may be accepted in one turn of the event loop. */
  destroy(): void {
    this.#leave();
    this.#connection.destroy();
  }

  /** Most requests come whole, and need no copy. */
  #read(bytes: Bytes): void {
    const before = this.#head.length;
    const head = withoutEmptyLines(before === 0 ? bytes : Buffer.concat([this.#head, bytes]));
    const end = findEnd(head, before);
    if (end !== undefined && end <= LIMITS.headBytes) this.#answer(head, end);
    else if (head.length > LIMITS.headBytes) this.#refuse(TOO_LARGE);
    else if (isHopeless(head, before)) this.#refuse(NO_REQUEST);
    else this.#keep(before === 0 ? Buffer.from(head) : head);
  }

  #answer(bytes: Bytes, end: number): void {
    try {
      const request = readRequest(bytes.subarray(0, end), this.#options.scheme);
      const answer = this.#options.handler(request, this.#address);
      if (answer instanceof Upgrade) this.#upgrade(answer, request, bytes.subarray(end));
      else this.#respond(answer, request.method === "HEAD");
    } catch (error) {
      this.#refuse(error);
    }
  }

  #upgrade(upgrade: Upgrade, { headers }: RequestHead, rest: Uint8Array): void {
    this.#leave();
    this.#connection.write(encodeUpgrade(headers, upgrade.subprotocol));
    this.#options.upgraded(this.#connection, upgrade, rest);
  }

  /** A failure is this request's alone. */
  #refuse(error: unknown): void {
    if (error instanceof BadRequest) {
      const headers = error.status === 405 ? { ...PLAIN, allow: "GET, HEAD" } : PLAIN;
      return this.#respond(new Response(`${error.message}\n`, { status: error.status, headers }), false);
    }
    this.#options.log.error("cannot answer a request: {error}", { error });
    this.#respond(new Refusal("internal error", "Cannot answer: the relay failed.").toResponse(), false);
  }

  /** Answers and ends: the client gets as long to take the answer as it had to ask. */
  #respond(response: Response, isHead: boolean): void {
    this.#isAnswered = true;
    this.#keep(NOTHING);
    this.#options.deadlines.start(this);
    encodeResponse(response, isHead).then((bytes) => this.#send(bytes), () => this.destroy());
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#connection.retain(bytes.byteLength);
    this.#connection.write(bytes, { release: () => this.#connection.retain(-bytes.byteLength) });
    this.#connection.end(() => this.#finish());
  }

  /** Who does not hang up by itself is not waited for. */
  #finish(): void {
    this.#isOver = true;
    if (this.#hasEnded) this.destroy();
    else this.#patience = this.#options.clock.after(LIMITS.closeMs, () => this.destroy());
  }

  #keep(head: Bytes): void {
    if (head.length !== this.#head.length) this.#connection.retain(head.length - this.#head.length);
    this.#head = head;
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#patience?.cancel();
    this.#options.deadlines.stop(this);
    this.#keep(NOTHING);
    this.#options.left(this);
  }
}

const NO_REQUEST = new BadRequest("lines of HTTP/1.1, without TLS where the relay has none");
const TOO_LARGE = new BadRequest(`at most ${LIMITS.headBytes} bytes before the empty line`, 431);
const PLAIN = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
