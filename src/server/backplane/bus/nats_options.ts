/**
 * How NATS is reached: which servers, with which credentials, and who they have to prove to be.
 *
 * @module
 */

import type { Authenticator, ConnectionOptions } from "@nats-io/transport-node";
import { isIP } from "node:net";
import { LIMITS } from "../../core/limits.ts";
import { parsePem, readCertificates, readPem } from "../../core/pem.ts";

/** What an operator says about it. */
export interface NatsAccess {
  /** Servers of one cluster; user and password, or a token, may be part of a URL and serve for all. */
  readonly nats: readonly string[];
  /** Path of a credentials file. */
  readonly natsCreds: string | undefined;
  /** Path of a PEM file with the authority of the servers' certificates. */
  readonly natsCa: string | undefined;
}

/** The same for the library. Throws a `ConfigError` when a file cannot be used. */
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

/** A server that comes back is found again, and one that is silent noticed: the library's own defaults give up. */
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

/** Read for every connection: credentials run out, and others take their place in the file. */
async function credsOf(path: string): Promise<Authenticator> {
  const { credsAuthenticator } = await import("@nats-io/transport-node");
  const file = { flag: "--nats-creds", path };
  const read = () => new TextEncoder().encode(readPem(file));
  const authenticator = credsAuthenticator(read);
  read();
  parsePem(file, "credentials of a user in it", () => authenticator("nonce"));
  return authenticator;
}

/** What the runtime is told beyond what the library knows of. */
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

/** Without `resolve` the library has every certificate checked for "localhost": here is who is really dialled. */
function named(tls: RuntimeTls): ConnectionOptions {
  return {
    tls,
    reconnectToServer: ([{ hostname, tlsName }]) => {
      const host = tlsName === "" ? hostname : tlsName;
      Object.assign(tls, { host, servername: isIP(host) === 0 ? host : "" });
      return null; // its own choice
    },
  };
}
