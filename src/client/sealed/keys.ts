/**
 * What follows from a secret: one key for the ids on the wire, and one for the handshakes.
 *
 * @module
 */

import { equalBytes } from "@noble/ciphers/utils.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { toText } from "./secret.ts";

/** What an id on the wire stands for. */
export type IdKind = "user" | "document";

const KEY_BYTES = 32;

/** The keys of one secret. */
export class Keys {
  /** The pre-shared key of all handshakes. */
  readonly psk: Uint8Array;
  readonly #id: Uint8Array;

  constructor(secret: Uint8Array) {
    this.psk = derive(secret, "psk");
    this.#id = derive(secret, "id");
  }

  /** What the relay calls a peer or a document: 43 characters, which tell nothing to those without the secret. */
  wireId(kind: IdKind, id: string): string {
    return toText(hmac(sha256, this.#id, utf8(`${kind}\0${id}`)));
  }

  /** Whether this is what the relay would call it. Takes as long for every answer. */
  isWireId(wireId: string, kind: IdKind, id: string): boolean {
    return equalBytes(utf8(wireId), utf8(this.wireId(kind, id)));
  }
}

function derive(secret: Uint8Array, label: string): Uint8Array {
  return hkdf(sha256, secret, undefined, utf8(label), KEY_BYTES);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
