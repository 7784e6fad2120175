/**
 * The relay that a check stands beside: on the same machine, in the same container, with the same configuration.
 *
 * @module
 */

import { get, type IncomingMessage } from "node:http";
import { connect } from "node:tls";
import { type Environment, readConfig } from "../server/config.ts";
import { ownUrl } from "../server/core/own_address.ts";
import { RelayAddress } from "./address.ts";
import type { Deadline } from "./deadline.ts";
import { type Answer, ask } from "./http.ts";

/** The flags of a relay that say where it is. */
export const WHERE = ["port", "host", "cert", "key"] as const;

/** What of a relay's own command line was given to the check, and a token to show. */
export type NeighborFlags = Partial<Record<typeof WHERE[number] | "token", string>>;

/** Its address. Throws a `ConfigError` where the relay itself would. */
export function neighborAddress(flags: NeighborFlags, env: Environment): RelayAddress {
  const args = WHERE.filter((name) => flags[name] !== undefined).map((name) => `--${name}=${flags[name]}`);
  const config = readConfig(args, env);
  return new RelayAddress(ownUrl(config), flags.token ?? config.tokens[0], { isNeighbor: true });
}

/** Asks it for a page, whatever name its certificate bears: `fetch` cannot be told to leave that out. */
export async function askNeighbor(url: string, by: Deadline): Promise<Answer> {
  const { protocol, hostname: host, port, pathname: path } = new URL(url);
  if (protocol === "http:") return await ask(url, {}, by);
  const tls = { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port), rejectUnauthorized: false, ca: [] };
  const answer = Promise.withResolvers<IncomingMessage>();
  const request = get({ host, path, createConnection: () => connect(tls) }, answer.resolve);
  request.on("error", answer.reject);
  try {
    return await by.within(answer.promise.then(read));
  } finally {
    request.destroy();
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const text = (await Array.fromAsync(response)).join("");
  return { status: response.statusCode ?? 0, headers: new Headers(), text };
}
