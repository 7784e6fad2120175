/**
 * The variants that every promise has to hold on: each transport, with TLS and without.
 *
 * @module
 */

import { checkRuntime } from "../../src/server/transport/tcp/transport.ts";
import { CERTIFICATE_FILES } from "./trust.ts";

/** Those that this runtime can carry: an old Deno cannot carry `tcp`. */
export const TRANSPORTS: readonly ("deno" | "tcp")[] = canCarryTcp() ? ["deno", "tcp"] : ["deno"];

/** For tests of `tcp` alone, and for what else an old Deno cannot do. */
export const WITH_TCP = { ignore: !TRANSPORTS.includes("tcp") };

/** One way to run a relay. */
export interface Variant {
  readonly name: string;
  readonly transport: "deno" | "tcp";
  readonly isTls: boolean;
  /** For a relay in this process. */
  readonly config: { readonly transport: Variant["transport"]; readonly cert?: string; readonly key?: string };
  /** For one in a process of its own. */
  readonly flags: readonly string[];
}

/** An old Deno looks for leaks by itself, and takes the timer of a millisecond that follows work for one. */
export const WITHOUT_LEAKS = WITH_TCP.ignore ? { sanitizeOps: false, sanitizeResources: false } : {};

/** Every transport, without TLS first. The WebSocket of an old Deno trusts no certificate of ours. */
export const VARIANTS: readonly Variant[] = TRANSPORTS.flatMap((transport) =>
  WITH_TCP.ignore ? [plain(transport)] : [plain(transport), withTls(transport)]
);

/** Only those of the transport for the internet. */
export const TCP_VARIANTS: readonly Variant[] = VARIANTS.filter(({ transport }) => transport === "tcp");

function canCarryTcp(): boolean {
  try {
    checkRuntime(Deno.version.deno);
    return true;
  } catch {
    return false;
  }
}

function plain(transport: Variant["transport"]): Variant {
  return { name: transport, transport, isTls: false, config: { transport }, flags: ["--transport", transport] };
}

function withTls(transport: Variant["transport"]): Variant {
  const { cert, key } = CERTIFICATE_FILES;
  const flags = ["--transport", transport, "--cert", cert, "--key", key];
  return { name: `${transport} with TLS`, transport, isTls: true, config: { transport, cert, key }, flags };
}
