/**
 * One side of a conversation as a stream inside the introduction socket, as the client has it.
 *
 * @module
 */

import { platform } from "../../client/environment.ts";
import type { PeerStream } from "../../client/multiplex/peer_stream.ts";
import { readWelcome, Session, type SessionListener } from "../../client/multiplex/session.ts";
import {
  CLOSE,
  type Close,
  introductionPath,
  MULTIPLEX_PROTOCOL,
  PROTOCOL_PARAMETER,
  type Welcome,
} from "../../protocol.ts";
import type { RelayAddress } from "../address.ts";
import { type Deadline, Late } from "../deadline.ts";
import type { Frame } from "./frames.ts";
import { Peer } from "./peer.ts";
import { Closed, Inbox, type Side } from "./side.ts";

/** Milliseconds for the first frame, which a relay that speaks protocol 5 sends at once. */
const UNTIL_WELCOME_MS = 1000;

/** One peer with one socket, which may have one stream. */
export class StreamSide implements Side, AsyncDisposable {
  readonly #id: string;
  readonly #peer: Peer;
  readonly #inbox = new Inbox();
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
    this.#introduced.promise.catch(() => {}); // `converse` reports it.
  }

  /** The welcome of the relay; undefined for a relay without protocol 5. Throws {@link Closed}. */
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

  /** Joins a document, in a way that every relay understands. */
  join(documentId: string): void {
    this.#peer.send(JSON.stringify({ type: "Join", join: [documentId], documentIds: [documentId] }));
  }

  /** Opens a stream to the first peer that it is introduced to, and becomes its side of the conversation. */
  async converse(documentId: string, by: Deadline): Promise<void> {
    const userName = await by.within(this.#introduced.promise);
    const stream = this.#session!.open({ userName, documentId, url: this.#id, isOpenWhenPaired: true });
    this.#stream = stream;
    stream.on("data", (data: string | ArrayBuffer) => this.#inbox.receive(data));
    await by.within(
      new Promise((resolve, reject) => {
        stream.addEventListener("open", resolve);
        stream.on("close", (close: Close) => {
          this.#inbox.end(close);
          reject(new Closed(close));
        });
      }),
    );
  }

  send(frame: Frame): void {
    this.#stream!.send(frame);
  }

  next(by: Deadline): Promise<Frame> {
    return this.#inbox.next(by);
  }

  close(code: number, reason: string): void {
    this.#stream!.close(code, reason);
  }

  closed(by: Deadline): Promise<Close> {
    return this.#inbox.closed(by);
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

  /** Until the socket ends, which ends the stream. */
  async #listen(session: Session, by: Deadline): Promise<void> {
    try {
      for (;;) session.heard(await this.#peer.next(by));
    } catch (error) {
      session.end(error instanceof Closed ? error.close : CLOSE.peerLost);
    }
  }

  get #listener(): SessionListener {
    return {
      welcomed: () => {},
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
