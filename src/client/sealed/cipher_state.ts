/**
 * A key that counts: the CipherState of the Noise Protocol Framework (revision 34, section 5.1) with ChaChaPoly.
 *
 * @module
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";

/** By how much what is encrypted is longer. */
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const NOTHING = new Uint8Array(0);

/** Encrypts, or decrypts, messages that come in one order. */
export class CipherState {
  readonly #key: Uint8Array;
  #count = 0;

  /** @param key 32 bytes, used by nobody else. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Encrypts `bytes` in place, all but their last {@link TAG_BYTES}, which will be the tag. */
  sealInPlace(bytes: Uint8Array<ArrayBuffer>): void {
    chacha20poly1305(this.#key, this.#nextNonce(), NOTHING).encrypt(bytes.subarray(0, -TAG_BYTES), bytes);
  }

  /** `associated` is authenticated too, and not part of the result. */
  encrypt(plaintext: Uint8Array, associated: Uint8Array = NOTHING): Uint8Array<ArrayBuffer> {
    return own(chacha20poly1305(this.#key, this.#nextNonce(), associated).encrypt(plaintext));
  }

  /** Throws for anything but what the other side encrypted next. Nothing can be decrypted after that. */
  decrypt(ciphertext: Uint8Array, associated: Uint8Array = NOTHING): Uint8Array<ArrayBuffer> {
    return own(chacha20poly1305(this.#key, this.#nextNonce(), associated).decrypt(ciphertext));
  }

  /** 32 bits of zeros, then the count as a little-endian 64-bit number (section 12.3). */
  #nextNonce(): Uint8Array {
    if (this.#count >= Number.MAX_SAFE_INTEGER) throw new RangeError("Cannot encrypt: want fewer than 2^53 messages");
    const nonce = new Uint8Array(NONCE_BYTES);
    const view = new DataView(nonce.buffer);
    view.setUint32(4, this.#count % 2 ** 32, true);
    view.setUint32(8, this.#count / 2 ** 32, true);
    this.#count += 1;
    return nonce;
  }
}

/** The library makes its results anew, but does not say so in its types. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
