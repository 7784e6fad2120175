/**
 * How a sealed conversation begins: the Noise handshake, with the real names inside.
 *
 *     initiator → responder   Noise, first message             no payload
 *     responder → initiator   Noise, second message            the responder's name
 *     initiator → responder   the first transport message      the initiator's name
 *
 * The initiator is whose id on the wire is smaller.
 *
 * @module
 */

import { idProblem } from "../../protocol.ts";
import type { Keys } from "./keys.ts";
import { type Ciphers, Initiator, Responder } from "./noise_handshake.ts";

const LABEL = "@localfirst/relay sealed conversation 1";
const NOTHING = new Uint8Array(0);

/** Who speaks with whom about what, all as the relay calls them. */
export interface WireConversation {
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
}

/** What a handshake leads to. */
export interface Meeting {
  /** The other side's real name. */
  readonly userName: string;
  readonly ciphers: Ciphers;
}

/** What a handshake needs. */
export interface HandshakeOptions {
  readonly keys: Keys;
  readonly conversation: WireConversation;
  /** Our own real name. */
  readonly userName: string;
}

/** One side of a handshake. `begin()`, then `heard()` for each message until there is a `meeting`. */
export interface Handshake {
  readonly meeting: Meeting | undefined;
  /** What to say before anything was heard. */
  begin(): Uint8Array<ArrayBuffer> | undefined;
  /** What to answer. Throws for anything but what the other side said next, to us, about this. */
  heard(message: Uint8Array): Uint8Array<ArrayBuffer> | undefined;
}

/** Starts our side. */
export function makeHandshake(options: HandshakeOptions): Handshake {
  const { localId, remoteId } = options.conversation;
  return localId < remoteId ? new InitiatorHandshake(options) : new ResponderHandshake(options);
}

class InitiatorHandshake implements Handshake {
  meeting: Meeting | undefined;
  readonly #options: HandshakeOptions;
  readonly #noise: Initiator;

  constructor(options: HandshakeOptions) {
    const { localId, remoteId } = options.conversation;
    this.#options = options;
    this.#noise = new Initiator({ psk: options.keys.psk, prologue: prologue(options, localId, remoteId) });
  }

  begin(): Uint8Array<ArrayBuffer> {
    return this.#noise.begin(NOTHING);
  }

  heard(message: Uint8Array): Uint8Array<ArrayBuffer> {
    const userName = readName(this.#noise.end(message), this.#options);
    const ciphers = this.#noise.split();
    this.meeting = { userName, ciphers };
    return ciphers.sending.encrypt(writeName(this.#options));
  }
}

class ResponderHandshake implements Handshake {
  meeting: Meeting | undefined;
  readonly #options: HandshakeOptions;
  readonly #noise: Responder;
  #ciphers: Ciphers | undefined;

  constructor(options: HandshakeOptions) {
    const { localId, remoteId } = options.conversation;
    this.#options = options;
    this.#noise = new Responder({ psk: options.keys.psk, prologue: prologue(options, remoteId, localId) });
  }

  begin(): undefined {
    return undefined;
  }

  heard(message: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    if (this.#ciphers === undefined) return this.#answer(message);
    // Only now it is known that the other side is there: its first message can be an old one.
    const userName = readName(this.#ciphers.receiving.decrypt(message), this.#options);
    this.meeting = { userName, ciphers: this.#ciphers };
  }

  #answer(message: Uint8Array): Uint8Array<ArrayBuffer> {
    const payload = this.#noise.hear(message);
    if (payload.byteLength > 0) throw new TypeError("Cannot read a handshake: want no payload, got one");
    const answer = this.#noise.answer(writeName(this.#options));
    this.#ciphers = this.#noise.split();
    return answer;
  }
}

/** What both sides have to agree on, each part with its length before it, so that no two of them read alike. */
function prologue({ conversation }: HandshakeOptions, initiatorId: string, responderId: string): Uint8Array {
  const parts = [LABEL, initiatorId, responderId, conversation.documentId].map((text) =>
    new TextEncoder().encode(text)
  );
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + 2 + byteLength, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const part of parts) {
    view.setUint16(offset, part.byteLength);
    bytes.set(part, offset + 2);
    offset += 2 + part.byteLength;
  }
  return bytes;
}

function writeName({ userName }: HandshakeOptions): Uint8Array {
  return new TextEncoder().encode(userName);
}

/** Who has the secret could still claim to be somebody else: the relay was told another id then. */
function readName(bytes: Uint8Array, { keys, conversation }: HandshakeOptions): string {
  const userName = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  if (idProblem(userName) !== undefined || !keys.isWireId(conversation.remoteId, "user", userName)) {
    throw new TypeError("Cannot believe a name: want the one that the peer's id was made of, got another");
  }
  return userName;
}
