/**
 * One peer of a room, from when it is connected until it is lost: what it has, and what it has to be told.
 *
 * @module
 */

import * as Y from "yjs";
import type { Environment } from "../client/environment.ts";
import type { PeerSocket } from "../client/mod.ts";
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
  /** Something that `isSynced` or `isSilent` depends on. */
  progressed(): void;
  /** The peer does not keep to the rules. */
  failed(error: Error): void;
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
  readonly #userName: string;
  readonly #shared: Shared;
  readonly #listener: PeerListener;
  readonly #stream: MessageStream;
  readonly #cancelSilence: () => void;
  /** What it had when it asked. Before that it may not be there, and what it lacks will be in the answer. */
  #asked: Uint8Array | undefined;
  /** What it had before the first update that it was not told. */
  #behind: Uint8Array | undefined;
  #isUnaware = false;
  #isSpeaking = false;
  #isSynced = false;
  #isSilent = false;
  #isOver = false;

  constructor(userName: string, socket: PeerSocket, shared: Shared, listener: PeerListener) {
    this.#userName = userName;
    this.#shared = shared;
    this.#listener = listener;
    this.#stream = new MessageStream(socket, {
      message: (message) => this.#heard(message),
      drained: () => this.#catchUp(),
      failed: (error) => this.#isOver || listener.failed(error),
    });
    this.#cancelSilence = shared.environment.after(SILENCE_MS, () => this.#fellSilent());
    this.#send(KIND.ask, Y.encodeStateVector(shared.doc));
  }

  /** It has told us all it had. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** It has said nothing, for too long. */
  get isSilent(): boolean {
    return this.#isSilent;
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

  /** It is lost. Nothing is heard any more, though its socket can still hear while it closes. */
  end(): void {
    this.#isOver = true;
    this.#cancelSilence();
  }

  #heard(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#cancelSilence();
    this.#isSilent = false;
    this.#isSpeaking = true;
    try {
      this.#follow(decode(bytes));
    } catch (error) {
      if (isMalformed(bytes)) this.#listener.failed(error as Error);
      else report(error); // a listener of the application threw, which is not the peer's fault
    } finally {
      this.#isSpeaking = false;
    }
  }

  #follow({ kind, body }: Message): void {
    const { doc, presence, origin } = this.#shared;
    if (kind === KIND.ask) return this.#answer(body);
    if (kind === KIND.awareness) return presence.learn(this.#userName, body);
    Y.applyUpdate(doc, body, origin);
    if (kind === KIND.update) return;
    this.#isSynced = true;
    this.#listener.progressed();
  }

  #answer(vector: Uint8Array): void {
    this.#asked = this.#behind = vector;
    this.#isUnaware = true;
    this.#catchUp();
  }

  #catchUp(): void {
    const [vector, awareness] = [this.#behind, this.#isUnaware ? this.#shared.presence.encode() : undefined];
    if (this.#stream.isBusy) return;
    this.#behind = undefined;
    this.#isUnaware = false;
    if (vector !== undefined) this.#send(KIND.answer, Y.encodeStateAsUpdate(this.#shared.doc, vector));
    if (awareness !== undefined) this.#send(KIND.awareness, awareness);
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

function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
