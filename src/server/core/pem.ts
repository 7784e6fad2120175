/**
 * Reads PEM files, which may contain parameters, attributes or a byte order mark, too.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { ConfigError } from "./config_error.ts";

/** A PEM file, and the flag that names it. */
export interface PemFile {
  readonly flag: string;
  readonly path: string;
}

/** All certificates of a file, as PEM. Throws a {@link ConfigError} when it has none, or one that cannot be read. */
export function readCertificates(file: PemFile): string[] {
  const what = "a certificate in it";
  const certificates = readBlocks(file, /CERTIFICATE$/, what);
  for (const block of certificates) parsePem(file, what, () => new X509Certificate(block));
  return certificates;
}

/** The first private key of a file, as PEM. Throws a {@link ConfigError} when it has none that can be read. */
export function readPrivateKey(file: PemFile): string {
  const what = "a private key in it, without a passphrase";
  const [key] = readBlocks(file, /PRIVATE KEY$/, what);
  if (key.includes("ENCRYPTED")) throw cannotUse(file, what, "an encrypted one");
  parsePem(file, what, () => createPrivateKey(key));
  return key;
}

/** The first public key of a file; `what` is for the error. Throws a {@link ConfigError} when it has none. */
export function readPublicKey(file: PemFile, what: string): KeyObject {
  const [key] = readBlocks(file, /(PUBLIC KEY|CERTIFICATE)$/, what);
  return parsePem(file, what, () => createPublicKey(key));
}

/** Calls `read`, and turns what it throws into a {@link ConfigError} that says `what` the file should contain. */
export function parsePem<T>(file: PemFile, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw cannotUse(file, what, JSON.stringify((error as Error).message));
  }
}

/** The text of a file. Throws a {@link ConfigError} when it cannot be read, or has no PEM in it. */
export function readPem({ flag, path }: PemFile): string {
  const refuse = (got: string) => new ConfigError(`Cannot read ${flag}: want a readable PEM file, got ${got}.`);
  let text: string;
  try {
    text = decode(Deno.readFileSync(path));
  } catch (error) {
    throw refuse(`${JSON.stringify(path)} (${(error as Error).message})`);
  }
  if (!text.includes("-----BEGIN ")) throw refuse(`${JSON.stringify(path)} without a PEM block`);
  return text;
}

/** Decodes UTF-8, or UTF-16 as Windows writes it, without the byte order mark. */
function decode(bytes: Uint8Array): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUtf16 ? "utf-16le" : "utf-8").decode(bytes);
}

function readBlocks(file: PemFile, label: RegExp, what: string): string[] {
  const all = [...readPem(file).matchAll(/-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----/gs)];
  const found = all.filter(([, itsLabel]) => label.test(itsLabel)).map(([block]) => `${block}\n`);
  if (found.length > 0) return found;
  throw cannotUse(file, what, all.map(([, itsLabel]) => itsLabel).join(", ") || "a block without an end");
}

function cannotUse({ flag }: PemFile, what: string, got: string): ConfigError {
  return new ConfigError(`Cannot use ${flag}: want ${what}, got ${got}.`);
}
