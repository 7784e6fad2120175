/**
 * The address of a relay for its own machine.
 *
 * @module
 */

/** The address that a process listens on. */
export interface OwnAddress {
  readonly host: string;
  readonly port: number;
}

/** The loopback address, for a process that listens on all addresses. */
const LOOPBACK: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The host to connect to, where a process listens on `host`. */
export function ownHost(host: string): string {
  return LOOPBACK[host] ?? host;
}

/** The URL of a relay that listens on this address. */
export function ownUrl({ host, port, cert }: OwnAddress & { cert: string | undefined }): string {
  const own = ownHost(host);
  return `${cert === undefined ? "http" : "https"}://${own.includes(":") ? `[${own}]` : own}:${port}`;
}
