/**
 * One side of a conversation inside its socket to the relay: a stream, as the client has it.
 *
 * @module
 */

import { platform } from "../client/environment.ts";
import type { PeerStream } from "../client/multiplex/peer_stream.ts";
import { readWelcome, Session, type SessionListener } from "../client/multiplex/session.ts";
import {
  CLOSE,
  type Close,
  introductionPath,
  MULTIPLEX_PROTOCOL,
  PROTOCOL_PARAMETER,
  type Welcome,
} from "../protocol.ts";
import type { RelayAddress } from "./address.ts";
import { type Deadline, Late } from "./deadline.ts";
import type { Frame } from "./frames.ts";
import { Peer } from "./peer.ts";
import { Closed, Ear, type Side } from "./side.ts";

/** A relay that speaks protocol 5 says so before all else. */
const UNTIL_WELCOME_MS = 1000;

/** One peer with one socket, which may have one stream. */
export class StreamSide implements Side, AsyncDisposable {
  readonly #id: string;
  readonly #peer: Peer;
  readonly #ear = new Ear();
  readonly #introduced = Promise.withResolvers<string>();
  #session: Session | undefined;
  #stream: PeerStream | undefined;

  /** Connects, and asks for protocol 5. Throws a `Fault`. */
  static async open(address: RelayAddress, by: Deadline): Promise<StreamSide> {
    const id = crypto.randomUUID();
    const path = `${introductionPath(id)}?${PROTOCOL_PARAMETER}=${MULTIPLEX_PROTOCOL}`;
    return new StreamSide(id, await Peer.open(address, path, by));
  }

  private constructor(id: string, peer: Peer) {
    this.#id = id;
    this.#peer = peer;
    this.#introduced.promise.catch(() => {}); // whoever awaits it hears of it
  }

  /** What the relay welcomes it with; undefined for a relay that does not. Throws {@link Closed}. */
  async welcomed(by: Deadline): Promise<Welcome | undefined> {
    const first = await this.#first(by.sooner(UNTIL_WELCOME_MS));
    const welcome = readWelcome(first);
    if (welcome === undefined) return undefined;
    const askToken = () => Promise.resolve(undefined);
    this.#session = new Session(welcome, { socket: this.#peer, time: platform(), askToken }, this.#listener);
    this.#session.heard(first);
    this.#listen(this.#session, by);
    return welcome;
  }

  /** Joins a document, as every relay understands it. */
  join(documentId: string): void {
    this.#peer.send(JSON.stringify({ type: "Join", join: [documentId], documentIds: [documentId] }));
  }

  /** Begins a conversation with the first peer that it is introduced to: from now on it is the side of that. */
  async converse(documentId: string, by: Deadline): Promise<void> {
    const userName = await by.within(this.#introduced.promise);
    const stream = this.#session!.open({ userName, documentId, url: this.#id, isOpenWhenPaired: true });
    this.#stream = stream;
    stream.on("data", (data: string | ArrayBuffer) => this.#ear.hear(data));
    await by.within(
      new Promise((resolve, reject) => {
        stream.addEventListener("open", resolve);
        stream.on("close", (close: Close) => {
          this.#ear.end(close);
          reject(new Closed(close));
        });
      }),
    );
  }

  send(frame: Frame): void {
    this.#stream!.send(frame);
  }

  next(by: Deadline): Promise<Frame> {
    return this.#ear.next(by);
  }

  close(code: number, reason: string): void {
    this.#stream!.close(code, reason);
  }

  closed(by: Deadline): Promise<Close> {
    return this.#ear.closed(by);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session?.end(CLOSE.peerLost);
    await this.#peer[Symbol.asyncDispose]();
  }

  async #first(by: Deadline): Promise<Frame | undefined> {
    try {
      return await this.#peer.next(by);
    } catch (error) {
      if (error instanceof Late) return undefined;
      throw error;
    }
  }

  /** To the end of the socket, which is that of the stream. */
  async #listen(session: Session, by: Deadline): Promise<void> {
    try {
      for (;;) session.heard(await this.#peer.next(by));
    } catch (error) {
      session.end(error instanceof Closed ? error.close : CLOSE.peerLost);
    }
  }

  get #listener(): SessionListener {
    return {
      introduced: (userName) => this.#introduced.resolve(userName),
      refused: (_, reason) => this.#introduced.reject(new Closed({ code: 0, reason })),
      goAway: () => {},
      failed: (error) => this.#break(error),
      broken: (error) => this.#break(error),
    };
  }

  #break({ message }: Error): void {
    this.#session!.end({ code: 1002, reason: message });
  }
}
