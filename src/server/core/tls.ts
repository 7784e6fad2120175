/**
 * Certificate and key.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { ConfigError } from "./config_error.ts";

/** PEM texts. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Reads both files; none when TLS is not configured. Throws a {@link ConfigError} when they cannot be used. */
export function readTls({ cert, key }: { cert: string | undefined; key: string | undefined }): Tls | undefined {
  if (cert === undefined || key === undefined) return;
  const tls = { cert: readPem("--cert", cert), key: readPem("--key", key) };
  checkPair(tls);
  return tls;
}

/** `node:http` takes anything, and then fails at every handshake. */
function checkPair({ cert, key }: Tls): void {
  const certified = parsePem("--cert", "a certificate", () => new X509Certificate(cert).publicKey);
  parsePem("--key", "a private key", () => createPrivateKey(key));
  if (derOf(createPublicKey(key)).equals(derOf(certified))) return;
  throw new ConfigError("Cannot use --key: want the key of the certificate in --cert, got another one.");
}

/** Reads what the PEM file that `flag` names should contain. Throws a {@link ConfigError} when it does not. */
export function parsePem<T>(flag: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError(`Cannot use ${flag}: want ${what} in it, got "${(error as Error).message}".`);
  }
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** Reads a PEM file that `flag` names. Throws a {@link ConfigError} when that cannot be done. */
export function readPem(flag: string, path: string): string {
  const refuse = (got: string) => new ConfigError(`Cannot read ${flag}: want a readable PEM file, got ${got}.`);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw refuse(`${JSON.stringify(path)} (${(error as Error).message})`);
  }
  if (!text.includes("-----BEGIN ")) throw refuse(`${JSON.stringify(path)} without a PEM block`);
  return text;
}
