/**
 * What the command line asks for.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { RelayAddress } from "./address.ts";

/** An argument that cannot be used. The message is one sentence. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A check to be done. */
export interface CheckOptions {
  readonly address: RelayAddress;
  /** Print JSON. */
  readonly json: boolean;
  /** Only ask whether the relay is ready. */
  readonly ready: boolean;
  /** Milliseconds that one step may take. */
  readonly stepMs: number;
}

/** Shorter than the time after which a container's health check is given up. */
const DEFAULT_TIMEOUT = "4";
const MOST_SECONDS = 600;

/** What `--help` prints. */
export const HELP = `Usage: relay check [URL] [options]

Acts as two peers, and tells whether the relay at URL works, and how well. URL is host, host:port, http(s)://... or
ws(s)://..., with or without a path; by default http://127.0.0.1:$PORT, or port 8080.

  --json               print one JSON object
  --ready              only ask whether the relay is ready (GET /readyz), as health checks do
  --token <text>       token to show to the relay
  --timeout <seconds>  what one step may take, and a third of what all may take (${DEFAULT_TIMEOUT})
  --help               print this

Exit code: 0 everything needed works, 1 it does not, 2 an argument cannot be used.`;

/** Reads the arguments. Throws a {@link UsageError} at the first that cannot be used. */
export function parseCheck(
  args: readonly string[],
  env: (name: string) => string | undefined,
): CheckOptions | { readonly print: string } {
  const { _: [url, ...more], help, json, ready, token, timeout } = parseFlags(args);
  if (help) return { print: HELP };
  if (more.length > 0) {
    throw new UsageError(`Cannot check ${JSON.stringify(more[0])}: want one URL, got another before.`);
  }
  if (token === "") throw new UsageError("Cannot parse --token: want a text, got none.");
  const address = parseAddress(url ?? `http://127.0.0.1:${env("PORT") || 8080}`, token);
  return { address, json, ready, stepMs: parseSeconds(timeout) * 1000 };
}

function parseFlags(args: readonly string[]) {
  return parseArgs([...args], {
    string: ["_", "token", "timeout"],
    boolean: ["help", "json", "ready"],
    default: { timeout: DEFAULT_TIMEOUT },
    unknown: (arg: string, flag?: string) => {
      if (flag !== undefined) throw new UsageError(`Cannot parse ${arg}: want one of the flags that --help lists.`);
    },
  }) as { _: string[]; help: boolean; json: boolean; ready: boolean; token?: string; timeout: string };
}

function parseAddress(url: string, token: string | undefined): RelayAddress {
  try {
    return new RelayAddress(url, token);
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
