/**
 * One peer of a room, from when it is connected until it is lost: what it has, and what it has to be told.
 *
 * @module
 */

import * as Y from "yjs";
import type { Environment } from "../client/environment.ts";
import type { PeerSocket } from "../client/mod.ts";
import { callBack, report } from "../client/socket/callback.ts";
import { MessageStream } from "../message_stream.ts";
import { decode, encode, isMalformed, KIND, type Kind, type Message } from "./messages.ts";
import type { Presence } from "./presence.ts";

/** A peer that says nothing for so long is no longer there, though the relay has not noticed yet. */
const SILENCE_MS = 5_000;
/** An update without news: no structs, no deletions. */
const EMPTY_UPDATE_BYTES = 2;

/** What all peers of a room share. */
export interface Shared {
  readonly doc: Y.Doc;
  readonly presence: Presence;
  /** What changes that come from peers are marked with. */
  readonly origin: unknown;
  readonly environment: Environment;
}

/** Who hears what happens. */
export interface PeerListener {
  /** It has said something. */
  heard(): void;
  /** Something that its properties tell has changed. */
  progressed(): void;
  /** The peer does not keep to the rules. */
  failed(error: Error): void;
  /** An update can be read, but Yjs cannot take it in: perhaps because of what somebody else has sent before. */
  puzzled(error: Error): void;
}

/** An update of our document. */
export interface Update {
  readonly bytes: Uint8Array;
  /** The state of the document before it, by client. */
  readonly before: Map<number, number>;
  /** It came from a peer, not from here. */
  readonly isPassedOn: boolean;
}

/** Both directions of one connection. */
export class Peer {
  readonly userName: string;
  readonly #shared: Shared;
  readonly #listener: PeerListener;
  readonly #stream: MessageStream;
  readonly #cancelSilence: () => void;
  /** What it had when it asked. Before that it may not be there, and what it lacks will be in the answer. */
  #asked: Uint8Array | undefined;
  /** What it had before the first update that it was not told. */
  #behind: Uint8Array | undefined;
  #isUnaware = false;
  #hasToAnnounce = false;
  #isSpeaking = false;
  #hasAnswered = false;
  #isSynced = false;
  #isSilent = false;
  #isOver = false;

  constructor(userName: string, socket: PeerSocket, shared: Shared, listener: PeerListener) {
    this.userName = userName;
    this.#shared = shared;
    this.#listener = listener;
    this.#stream = new MessageStream(socket, {
      message: (message) => this.#heard(message),
      drained: () => this.#drained(),
      failed: (error) => this.#isOver || listener.failed(error),
    });
    this.#cancelSilence = shared.environment.after(SILENCE_MS, () => this.#fellSilent());
    this.#send(KIND.ask, Y.encodeStateVector(shared.doc));
  }

  /** It has told us all it had. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** It has said that it is synced. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** It has said nothing, for too long. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** It wants to know of our document. */
  get hasAsked(): boolean {
    return this.#asked !== undefined;
  }

  /** Bytes that it has to be told and that have not gone out yet, as the stream counts them. */
  get waiting(): number {
    return this.#stream.waiting;
  }

  /** Our document has changed. A peer that reads slowly is told everything at once when it has caught up. */
  changed({ bytes, before, isPassedOn }: Update): void {
    if (this.#asked === undefined || (isPassedOn && this.#isSpeaking)) return;
    if (this.#stream.isBusy) {
      this.#behind ??= Y.encodeStateVector(before);
      return;
    }
    // A newcomer who gets everything from one peer does not send it to all the others.
    const news = isPassedOn ? Y.diffUpdate(bytes, this.#asked) : bytes;
    if (news.byteLength > EMPTY_UPDATE_BYTES) this.#send(KIND.update, news);
  }

  /** Our awareness has changed, as this tells. */
  awarenessChanged(update: Uint8Array): void {
    if (this.#asked === undefined) return;
    if (this.#stream.isBusy) this.#isUnaware = true;
    else this.#send(KIND.awareness, update);
  }

  /** We are synced. It hears that behind all it has to be told before. */
  announce(): void {
    this.#hasToAnnounce = true;
    this.#catchUp();
  }

  /**
   * It is lost, or left. Nothing is heard of it any more, though its socket can still hear while it closes, and nothing that
   * happens from now on is told. What had to wait still goes out.
   */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelSilence();
    if (this.#stream.isBusy && this.#behind !== undefined) this.#answer(this.#behind);
  }

  #heard(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#cancelSilence();
    this.#isSilent = false;
    this.#isSpeaking = true;
    try {
      this.#listener.heard();
      this.#follow(decode(bytes));
    } catch (error) {
      if (isMalformed(bytes)) this.#listener.failed(error as Error);
      else report(error); // a listener of the application threw, which is not the peer's fault
    } finally {
      this.#isSpeaking = false;
    }
  }

  #follow({ kind, body }: Message): void {
    const { origin, presence } = this.#shared;
    if (kind === KIND.ask) return this.#asks(body);
    if (kind === KIND.awareness) return presence.learn(this, body, origin);
    if (kind === KIND.synced) return this.#announces(body);
    this.#takeIn(body);
    if (kind === KIND.update) return;
    this.#hasAnswered = true;
    this.#listener.progressed();
  }

  /** What the application's listeners throw comes at the end of the transaction, and is nobody's fault here. */
  #takeIn(update: Uint8Array): void {
    const { doc, origin } = this.#shared;
    let problem: { readonly error: unknown } | undefined;
    const apply = () => {
      try {
        Y.applyUpdate(doc, update, origin);
      } catch (error) {
        problem = { error };
      }
    };
    callBack(() => Y.transact(doc, apply, origin, false));
    if (problem === undefined) return;
    if (isMalformed(encode({ kind: KIND.update, body: update }))) throw problem.error;
    this.#listener.puzzled(problem.error as Error);
  }

  #asks(vector: Uint8Array): void {
    // Throws now, and not when it is used, in the midst of something else.
    Y.decodeStateVector(vector);
    this.#asked = this.#behind = vector;
    this.#isUnaware = true;
    this.#catchUp();
    this.#listener.progressed();
  }

  #announces({ byteLength }: Uint8Array): void {
    if (byteLength > 0) throw new Error(`want no body, got ${byteLength} bytes`);
    this.#isSynced = true;
    this.#listener.progressed();
  }

  #drained(): void {
    if (!this.#isOver) this.#catchUp();
    this.#listener.progressed();
  }

  #catchUp(): void {
    if (this.#asked === undefined || this.#stream.isBusy) return;
    const [vector, isUnaware, hasToAnnounce] = [this.#behind, this.#isUnaware, this.#hasToAnnounce];
    const awareness = isUnaware ? this.#shared.presence.encode() : undefined;
    this.#behind = undefined;
    this.#isUnaware = this.#hasToAnnounce = false;
    if (vector !== undefined) this.#answer(vector);
    if (awareness !== undefined) this.#send(KIND.awareness, awareness);
    if (hasToAnnounce) this.#send(KIND.synced, new Uint8Array());
  }

  #answer(vector: Uint8Array): void {
    this.#send(KIND.answer, Y.encodeStateAsUpdate(this.#shared.doc, vector));
  }

  #fellSilent(): void {
    this.#isSilent = true;
    this.#listener.progressed();
  }

  #send(kind: Kind, body: Uint8Array): void {
    try {
      this.#stream.send(encode({ kind, body }));
    } catch (error) {
      this.#listener.failed(error as Error); // the document has become larger than anything that crosses
    }
  }
}
