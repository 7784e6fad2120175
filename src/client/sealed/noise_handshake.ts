/**
 * `Noise_NNpsk0_25519_ChaChaPoly_SHA256`: two peers who share a key agree on new ones, which are gone when they part.
 *
 *     -> psk, e
 *     <- e, ee
 *
 * @module
 */

import { x25519 } from "@noble/curves/ed25519.js";
import type { CipherState } from "./cipher_state.ts";
import { SymmetricState } from "./symmetric_state.ts";

const NAME = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const POINT_BYTES = 32;

/** What both sides have to know. */
export interface NoiseOptions {
  /** The pre-shared key: 32 bytes. */
  readonly psk: Uint8Array;
  /** What both believe that this is about. If they differ, nothing is understood. */
  readonly prologue: Uint8Array;
  /** Only for test vectors: the secret part of the ephemeral key, a random one if left out. */
  readonly ephemeral?: Uint8Array;
}

/** The ciphers of one side, once a handshake is done. */
export interface Ciphers {
  readonly sending: CipherState;
  readonly receiving: CipherState;
}

/** The initiator's side: `begin()`, then `end()`. */
export class Initiator {
  readonly #state: SymmetricState;
  readonly #ephemeral: Uint8Array;

  constructor(options: NoiseOptions) {
    this.#state = start(options);
    this.#ephemeral = options.ephemeral ?? x25519.utils.randomSecretKey();
  }

  get hash(): Uint8Array {
    return this.#state.hash;
  }

  /** The first message, to which a payload may be added. That is neither forward secret nor safe from being replayed. */
  begin(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return join(shareEphemeral(this.#state, this.#ephemeral), this.#state.encryptAndHash(payload));
  }

  /** Takes the second message, and gives its payload. Throws unless whoever made it has the same key and prologue. */
  end(message: Uint8Array): Uint8Array {
    const [point, ciphertext] = cut(message);
    mixPoint(this.#state, point);
    this.#state.mixKey(x25519.getSharedSecret(this.#ephemeral, point));
    return this.#state.decryptAndHash(ciphertext);
  }

  split(): Ciphers {
    const [sending, receiving] = this.#state.split();
    return { sending, receiving };
  }
}

/** The responder's side: `hear()`, then `answer()`. */
export class Responder {
  readonly #state: SymmetricState;
  readonly #ephemeral: Uint8Array;
  #theirs = new Uint8Array(0);

  constructor(options: NoiseOptions) {
    this.#state = start(options);
    this.#ephemeral = options.ephemeral ?? x25519.utils.randomSecretKey();
  }

  get hash(): Uint8Array {
    return this.#state.hash;
  }

  /**
   * Takes the first message, and gives its payload. Throws unless whoever made it, now or at any time, has the same key
   * and prologue.
   */
  hear(message: Uint8Array): Uint8Array {
    const [point, ciphertext] = cut(message);
    this.#theirs = point;
    mixPoint(this.#state, point);
    return this.#state.decryptAndHash(ciphertext);
  }

  /** The second message, with a payload. */
  answer(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const point = shareEphemeral(this.#state, this.#ephemeral);
    this.#state.mixKey(x25519.getSharedSecret(this.#ephemeral, this.#theirs));
    return join(point, this.#state.encryptAndHash(payload));
  }

  split(): Ciphers {
    const [receiving, sending] = this.#state.split();
    return { sending, receiving };
  }
}

function start({ psk, prologue }: NoiseOptions): SymmetricState {
  const state = new SymmetricState(NAME);
  state.mixHash(prologue);
  state.mixKeyAndHash(psk);
  return state;
}

/** The token `e`, written. */
function shareEphemeral(state: SymmetricState, ephemeral: Uint8Array): Uint8Array {
  const point = x25519.getPublicKey(ephemeral);
  mixPoint(state, point);
  return point;
}

/** Where there is a pre-shared key, ephemeral keys are mixed into the chaining key, too (section 9.2). */
function mixPoint(state: SymmetricState, point: Uint8Array): void {
  state.mixHash(point);
  state.mixKey(point);
}

function cut(message: Uint8Array): [point: Uint8Array<ArrayBuffer>, ciphertext: Uint8Array] {
  if (message.byteLength < POINT_BYTES) throw new RangeError("Cannot read a handshake: want a key, got less");
  return [message.slice(0, POINT_BYTES), message.subarray(POINT_BYTES)];
}

function join(point: Uint8Array, ciphertext: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(point.byteLength + ciphertext.byteLength);
  message.set(point);
  message.set(ciphertext, point.byteLength);
  return message;
}
