/**
 * What both sides of a handshake have in common so far: the SymmetricState of the Noise Protocol Framework (revision 34,
 * section 5.2) with ChaChaPoly and SHA-256.
 *
 * @module
 */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { CipherState } from "./cipher_state.ts";

const HASH_BYTES = 32;
const NOTHING = new Uint8Array(0);

/** Mixes in all that is said, and encrypts as soon as there is a key. */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | undefined;

  /** @param name The full name of the protocol, longer than a hash. */
  constructor(name: string) {
    this.#hash = this.#chainingKey = sha256(new TextEncoder().encode(name));
  }

  /** Tells this handshake from all others, once it is done. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256.create().update(this.#hash).update(data).digest();
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = this.#expand(material, 2);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(key);
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey, hash, key] = this.#expand(material, 3);
    this.#chainingKey = chainingKey;
    this.mixHash(hash);
    this.#cipher = new CipherState(key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#keyed.encrypt(plaintext, this.#hash);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Throws for anything but what the other side encrypted. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#keyed.decrypt(ciphertext, this.#hash);
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** The ciphers of what follows: the initiator's, and the responder's. */
  split(): [CipherState, CipherState] {
    const [initiator, responder] = this.#expand(NOTHING, 2);
    return [new CipherState(initiator), new CipherState(responder)];
  }

  /** The patterns that Noise knows may speak before there is a key; ours begins with one. */
  get #keyed(): CipherState {
    if (this.#cipher === undefined) throw new Error("Cannot encrypt: want a key first");
    return this.#cipher;
  }

  /** Noise's HKDF is that of RFC 5869 with the chaining key as its salt, and without info. */
  #expand(material: Uint8Array, count: number): Uint8Array[] {
    const bytes = hkdf(sha256, material, this.#chainingKey, NOTHING, count * HASH_BYTES);
    return Array.from({ length: count }, (_, i) => bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }
}
