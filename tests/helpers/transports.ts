/**
 * The variants that every promise has to hold on: each transport, with TLS and without.
 *
 * @module
 */

import { CERTIFICATE_FILES } from "./trust.ts";

export const TRANSPORTS = ["deno", "tcp"] as const;

/** One way to run a relay. */
export interface Variant {
  readonly name: string;
  readonly transport: typeof TRANSPORTS[number];
  readonly isTls: boolean;
  /** For a relay in this process. */
  readonly config: { readonly transport: Variant["transport"]; readonly cert?: string; readonly key?: string };
  /** For one in a process of its own. */
  readonly flags: readonly string[];
}

/** Every transport, without TLS first. */
export const VARIANTS: readonly Variant[] = TRANSPORTS.flatMap((transport) => [plain(transport), withTls(transport)]);

/** Only those of the transport for the internet. */
export const TCP_VARIANTS: readonly Variant[] = VARIANTS.filter(({ transport }) => transport === "tcp");

function plain(transport: Variant["transport"]): Variant {
  return { name: transport, transport, isTls: false, config: { transport }, flags: ["--transport", transport] };
}

function withTls(transport: Variant["transport"]): Variant {
  const { cert, key } = CERTIFICATE_FILES;
  const flags = ["--transport", transport, "--cert", cert, "--key", key];
  return { name: `${transport} with TLS`, transport, isTls: true, config: { transport, cert, key }, flags };
}
