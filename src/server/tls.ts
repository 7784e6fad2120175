/**
 * Certificate and key.
 *
 * @module
 */

import { ConfigError } from "./config.ts";

/** PEM texts. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Reads both files; none when TLS is not configured. Throws a {@link ConfigError} when one cannot be read. */
export function readTls({ cert, key }: { cert: string | undefined; key: string | undefined }): Tls | undefined {
  if (cert === undefined || key === undefined) return;
  return { cert: readPem("--cert", cert), key: readPem("--key", key) };
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
