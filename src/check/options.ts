/**
 * The command line of `relay check`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { RelayAddress } from "./address.ts";
import { localAddress, type LocalFlags, WHERE } from "./local_relay.ts";
import type { ProbeName } from "./steps/step.ts";

/** An argument that cannot be used. The message is one sentence. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A check to be done. */
export interface CheckOptions {
  readonly address: RelayAddress;
  /** Print JSON. */
  readonly json: boolean;
  /** Run only this health check. */
  readonly only: ProbeName | undefined;
  /** Milliseconds that one step may take. */
  readonly stepMs: number;
}

/** Shorter than the timeout of a container's health check. */
const DEFAULT_TIMEOUT = "4";
const MOST_SECONDS = 600;

/** What `--help` prints. */
export const HELP = `Usage: relay check [URL] [options]

Acts as two peers, and reports whether the relay at URL works, and how well: with a socket for each conversation, as
every client can, and with all in one socket, if the relay speaks protocol 5. URL is host, host:port, http(s)://... or
ws(s)://..., with or without a path. By default it is the URL of the relay with the same variables on this machine.

  --json               print one JSON object
  --live               only check that the relay runs (GET /healthz), for health checks of containers
  --ready              only check that it accepts connections (GET /readyz), for load balancers
  --token <text>       token for the relay
  --timeout <seconds>  seconds for each step; all together may take three times as long (${DEFAULT_TIMEOUT})
  --port, --host, --cert, --key <value>
                       the flags of the relay, if it has no variables and no URL is given
  --help               print this

Exit code: 0 everything works, 1 something does not, 2 an argument cannot be used.`;

/** Parses the arguments. Throws a {@link UsageError}, or a `ConfigError` of the relay, at the first bad one. */
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
  const address = url === undefined ? localAddress(flags, env) : parseAddress(url, flags);
  return { address, json, only: live ? "live" : ready ? "ready" : undefined, stepMs: parseSeconds(timeout) * 1000 };
}

interface Flags extends LocalFlags {
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

function parseAddress(url: string, flags: LocalFlags): RelayAddress {
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
