/**
 * The certificate and key of the relay.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { ConfigError } from "./config_error.ts";
import { readCertificates, readPrivateKey } from "./pem.ts";

/** PEM texts. */
export interface Tls {
  /** The certificate, and the chain to its authority. */
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads both files, which may be the same; undefined when TLS is not configured. Throws a {@link ConfigError} when they
 * cannot be used.
 */
export function readTls({ cert, key }: { cert: string | undefined; key: string | undefined }): Tls | undefined {
  if (cert === undefined || key === undefined) return;
  const chain = readCertificates({ flag: "--cert", path: cert });
  const tls = { cert: chain.join(""), key: readPrivateKey({ flag: "--key", path: key }) };
  checkPair(chain[0], tls.key);
  return tls;
}

/** Checks that they belong together: a listener takes any two, and then fails at every handshake. */
function checkPair(certificate: string, key: string): void {
  if (derOf(createPublicKey(key)).equals(derOf(new X509Certificate(certificate).publicKey))) return;
  throw new ConfigError("Cannot use --key: want the key of the certificate in --cert, got another one.");
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}
