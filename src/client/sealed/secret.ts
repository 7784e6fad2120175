/**
 * The secret that peers share. Small and without libraries: clients check it before anything else is loaded.
 *
 * @module
 */

/** What seals conversations: what `createSecret()` gave, or 32 random bytes of one's own. */
export type Secret = string | Uint8Array;

const SECRET_BYTES = 32; // as many as the ciphers can use
const WANT = "want a secret that createSecret() gave, or 32 bytes";

/**
 * 256 random bits as 43 characters that need no escaping in a link. Whoever has it can read and write everything that is
 * sealed with it: it belongs into the fragment of a link, which browsers tell nobody, and never into its path or query.
 *
 * Throws a `TypeError` where the platform has no secure randomness.
 */
export function createSecret(): string {
  checkRandomness("create a secret");
  return toText(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
}

/**
 * The 32 bytes of a secret, as a copy. Throws a `TypeError` for anything else: passwords too, as whoever sees the ids on
 * the wire could try them at leisure. The error does not repeat what it was given.
 */
export function readSecret(secret: unknown): Uint8Array<ArrayBuffer> {
  checkRandomness("seal conversations");
  const bytes = typeof secret === "string" ? fromText(secret) : secret;
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== SECRET_BYTES) {
    throw new TypeError(`Cannot seal conversations: ${WANT}, got ${describe(secret)}`);
  }
  return new Uint8Array(bytes);
}

/** Base64url without padding, for bytes that have to fit into a URL. */
export function toText(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Undefined for what `toText` cannot have given, be it only for its last two bits. */
function fromText(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]{43}$/.test(text)) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return toText(bytes) === text ? bytes : undefined;
}

function checkRandomness(action: string): void {
  if (typeof globalThis.crypto?.getRandomValues === "function") return;
  throw new TypeError(`Cannot ${action}: want a platform with crypto.getRandomValues, got one without`);
}

function describe(secret: unknown): string {
  if (typeof secret === "string") return `a string of ${secret.length} characters`;
  if (secret instanceof Uint8Array) return `${secret.byteLength} bytes`;
  return secret === null ? "null" : typeof secret;
}
