/**
 * The relay on the same machine, or in the same container, with the same configuration.
 *
 * @module
 */

import { get, type IncomingMessage } from "node:http";
import { connect } from "node:tls";
import { type Environment, readConfig } from "../server/config.ts";
import { ownUrl } from "../server/config/own_address.ts";
import { RelayAddress } from "./address.ts";
import type { Deadline } from "./deadline.ts";
import type { Answer } from "./http.ts";

/** The flags of a relay that decide its address. */
export const WHERE = ["port", "host", "cert", "key"] as const;

/** The flags of the relay that were given to the check, and a token. */
export type LocalFlags = Partial<Record<typeof WHERE[number] | "token", string>>;

/** The address of the relay. Throws a `ConfigError` where the relay would. */
export function localAddress(flags: LocalFlags, env: Environment): RelayAddress {
  const args = WHERE.filter((name) => flags[name] !== undefined).map((name) => `--${name}=${flags[name]}`);
  const config = readConfig(args, env);
  return new RelayAddress(ownUrl(config), flags.token ?? config.tokens[0], { isLocal: true });
}

/**
 * Requests a page of it without checking its certificate, and never by the proxy that HTTP_PROXY names, as Docker sets it
 * in containers: `fetch` can leave out neither.
 */
export async function askLocal(url: string, by: Deadline): Promise<Answer> {
  const { protocol, hostname: host, port, pathname: path } = new URL(url);
  const own = { host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  const tls = { ...own, rejectUnauthorized: false, ca: [] };
  const answer = Promise.withResolvers<IncomingMessage>();
  const way = protocol === "http:" ? { ...own, agent: false } : { host, createConnection: () => connect(tls) };
  const request = get({ ...way, path }, answer.resolve);
  request.on("error", answer.reject);
  try {
    return await by.within(answer.promise.then(read));
  } finally {
    request.destroy();
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const text = (await Array.fromAsync(response)).join("");
  const headers = new Headers({ "content-type": response.headers["content-type"] ?? "" });
  return { status: response.statusCode ?? 0, headers, text };
}
