/**
 * How to reach NATS: which servers, with which credentials, and which names their certificates have to bear.
 *
 * @module
 */

import type { Authenticator, ConnectionOptions } from "@nats-io/transport-node";
import { isIP } from "node:net";
import { LIMITS } from "../../core/limits.ts";
import { parsePem, readCertificates, readPem } from "../../core/pem.ts";

/** What an operator configures. */
export interface NatsAccess {
  /** Servers of one cluster; user and password, or a token, may be part of a URL and serve for all. */
  readonly nats: readonly string[];
  /** Path of a credentials file. */
  readonly natsCreds: string | undefined;
  /** Path of a PEM file with the authority of the servers' certificates. */
  readonly natsCa: string | undefined;
}

/** The options of the library for it. Throws a `ConfigError` when a file cannot be used. */
export async function natsOptions({ nats, natsCreds, natsCa }: NatsAccess): Promise<ConnectionOptions> {
  const urls = nats.map((text) => new URL(text));
  return {
    servers: urls.map(({ host }) => host),
    ...credentialsOf(urls),
    ...(natsCreds === undefined ? {} : { authenticator: await credsOf(natsCreds) }),
    ...tlsOf(urls, natsCa),
    ...LASTING,
  };
}

/** Finds a server again that comes back, and notices a silent one. By default the library gives up after 10 tries. */
const LASTING: ConnectionOptions = {
  name: "relay",
  noEcho: true,
  noAsyncTraces: true,
  // A host name needs no more permission than the connection itself.
  resolve: false,
  ignoreAuthErrorAbort: true,
  maxReconnectAttempts: -1,
  timeout: LIMITS.natsConnectMs,
  reconnectTimeWait: LIMITS.natsReconnectMs,
  reconnectJitter: LIMITS.natsReconnectMs,
  reconnectJitterTLS: LIMITS.natsReconnectMs,
  pingInterval: LIMITS.natsPingMs,
  maxPingOut: 2,
};

function credentialsOf(urls: readonly URL[]): ConnectionOptions {
  const url = urls.find(({ username }) => username !== "");
  if (url === undefined) return {};
  const [user, pass] = [url.username, url.password].map(decodeURIComponent);
  return pass === "" ? { token: user } : { user, pass };
}

/** Reads the file for every connection: credentials expire, and the operator replaces them. */
async function credsOf(path: string): Promise<Authenticator> {
  const { credsAuthenticator } = await import("@nats-io/transport-node");
  const file = { flag: "--nats-creds", path };
  const read = () => new TextEncoder().encode(readPem(file));
  const authenticator = credsAuthenticator(read);
  read();
  parsePem(file, "credentials of a user in it", () => authenticator("nonce"));
  return authenticator;
}

/** Options of the runtime that the library passes on. */
interface RuntimeTls {
  ca?: string;
  /** The name that the certificate has to bear. */
  host?: string;
  /** The same for the server, which may have several certificates. */
  servername?: string;
}

function tlsOf(urls: readonly URL[], natsCa: string | undefined): ConnectionOptions {
  if (natsCa === undefined) return urls.some(({ protocol }) => protocol === "tls:") ? named({}) : {};
  return named({ ca: readCertificates({ flag: "--nats-ca", path: natsCa }).join("") });
}

/** Without `resolve` the library checks every certificate for "localhost". This gives it the name that it dials. */
function named(tls: RuntimeTls): ConnectionOptions {
  return {
    tls,
    reconnectToServer: ([{ hostname, tlsName }]) => {
      const host = tlsName === "" ? hostname : tlsName;
      Object.assign(tls, { host, servername: isIP(host) === 0 ? host : "" });
      return null; // The library chooses the server.
    },
  };
}
