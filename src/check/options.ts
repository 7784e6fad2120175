/**
 * What the command line asks for.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { RelayAddress } from "./address.ts";
import { neighborAddress, type NeighborFlags, WHERE } from "./neighbor.ts";
import type { ProbeName } from "./step.ts";

/** An argument that cannot be used. The message is one sentence. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A check to be done. */
export interface CheckOptions {
  readonly address: RelayAddress;
  /** Print JSON. */
  readonly json: boolean;
  /** Only ask this. */
  readonly only: ProbeName | undefined;
  /** Milliseconds that one step may take. */
  readonly stepMs: number;
}

/** Shorter than the time after which a container's health check is given up. */
const DEFAULT_TIMEOUT = "4";
const MOST_SECONDS = 600;

/** What `--help` prints. */
export const HELP = `Usage: relay check [URL] [options]

Acts as two peers, and tells whether the relay at URL works, and how well: with a socket for each conversation, as every
client can, and with all in one, where the relay speaks protocol 5. URL is host, host:port, http(s)://... or
ws(s)://..., with or without a path; by default that of the relay which has the same variables on the same machine.

  --json               print one JSON object
  --live               only ask whether the relay lives (GET /healthz), as health checks of containers do
  --ready              only ask whether it accepts connections (GET /readyz), as load balancers do
  --token <text>       token to show to the relay
  --timeout <seconds>  what one step may take, and a third of what all may take (${DEFAULT_TIMEOUT})
  --port, --host, --cert, --key <value>
                       the relay's own, where it has flags in place of variables and no URL is given
  --help               print this

Exit code: 0 everything needed works, 1 it does not, 2 an argument cannot be used.`;

/** Reads the arguments. Throws a {@link UsageError}, or the relay's own `ConfigError`, at the first that cannot be used. */
export function parseCheck(
  args: readonly string[],
  env: (name: string) => string | undefined,
): CheckOptions | { readonly print: string } {
  const { _: [url, ...more], help, json, ready, live, timeout, ...flags } = parseFlags(args);
  if (help) return { print: HELP };
  if (more.length > 0) {
    throw new UsageError(`Cannot check ${JSON.stringify(more[0])}: want one URL, got another before.`);
  }
  if (flags.token === "") throw new UsageError("Cannot parse --token: want a text, got none.");
  const address = url === undefined ? neighborAddress(flags, env) : parseAddress(url, flags);
  return { address, json, only: live ? "live" : ready ? "ready" : undefined, stepMs: parseSeconds(timeout) * 1000 };
}

interface Flags extends NeighborFlags {
  readonly _: string[];
  readonly help: boolean;
  readonly json: boolean;
  readonly live: boolean;
  readonly ready: boolean;
  readonly timeout: string;
}

function parseFlags(args: readonly string[]): Flags {
  return parseArgs([...args], {
    string: ["_", "token", "timeout", ...WHERE],
    boolean: ["help", "json", "live", "ready"],
    default: { timeout: DEFAULT_TIMEOUT },
    unknown: (arg: string, flag?: string) => {
      if (flag !== undefined) throw new UsageError(`Cannot parse ${arg}: want one of the flags that --help lists.`);
    },
  }) as Flags;
}

function parseAddress(url: string, flags: NeighborFlags): RelayAddress {
  const extra = WHERE.find((name) => flags[name] !== undefined);
  if (extra !== undefined) throw new UsageError(`Cannot use --${extra} with a URL: want one of them, got both.`);
  try {
    return new RelayAddress(url, flags.token);
  } catch {
    throw new UsageError(
      `Cannot check ${JSON.stringify(url)}: want a URL such as localhost:8080 or wss://relay.example.com.`,
    );
  }
}

function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= MOST_SECONDS) return seconds;
  const rule = `seconds, more than 0 and up to ${MOST_SECONDS}`;
  throw new UsageError(`Cannot parse --timeout: want ${rule}, got ${JSON.stringify(text)}.`);
}
