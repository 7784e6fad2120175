/**
 * Checks that a server answers at the address, by HTTP and with a trusted certificate.
 *
 * @module
 */

import type { RelayAddress } from "../address.ts";
import { Deadline, Late } from "../deadline.ts";
import { type Answer, ask } from "../http.ts";
import { askLocal } from "../local_relay.ts";
import { got } from "../refusal.ts";
import { Fault, type Finding, type ProbeName, works } from "./step.ts";

/** The answer, or the reason why there is none. */
export type Reached = Answer | Error;

type Causes = readonly (readonly [pattern: RegExp, advice: string])[];

const CONNECTING: Causes = [
  [/connection ?refused|ECONNREFUSED/i, "Nothing listens there: does the relay run, on this address and port?"],
  [/dns error/i, "There is no such host: check its name, and its DNS record."],
  [/are blocked/i, "Browsers refuse this port too: let the relay use another."],
  [/invalid HTTP/i, "What listens there speaks no HTTP: check the port. If it speaks TLS, use wss://."],
  [/unreachable/i, "There is no way to that address: check the network."],
  [/connection reset|closed before/i, "It hangs up: check the port. If it speaks TLS, use wss://."],
];

const TLS: Causes = [
  [
    /UnknownIssuer|CaUsedAsEndEntity/,
    "Use a certificate of a public authority, with its whole chain. To trust your own authority: DENO_CERT=its.pem.",
  ],
  [/not ?valid ?for ?name/i, "The certificate is for another name: use that one, or get one for this."],
  [/expired|not ?valid ?yet/i, "Renew the certificate, and check the clock of this machine."],
  [/corrupt message/i, "This port speaks no TLS: use ws://, or give the relay --cert and --key."],
  [/certificate|alert|handshake|\btls\b/i, "Check the certificate and the TLS settings of the relay, or its proxy."],
];

/** Requests the page at the address. Never throws. */
export async function reach(address: RelayAddress, by: Deadline): Promise<Reached> {
  return await ask(address.page("/"), { accept: "application/json" }, by).catch((error: Error) => error);
}

/** Whether a server answers. */
export async function reachable(address: RelayAddress, reached: Reached): Promise<Finding> {
  if (!(reached instanceof Error)) return works(identity(reached));
  if (isTlsTrouble(address, reached)) return works("takes connections");
  throw new Fault({
    expected: `an answer from ${address}`,
    got: reached.message,
    advice: await connectingAdvice(address, reached),
  });
}

/** Whether its certificate can be trusted. */
export function trusted(address: RelayAddress, reached: Reached): Finding {
  if (!(reached instanceof Error)) return works("the certificate is valid");
  throw new Fault({
    expected: `a certificate that is valid for ${address.hostname}`,
    got: reached.message,
    advice: adviceFor(TLS, reached) ?? "Try again.",
  });
}

/** The paths of health checks. */
const PROBES: Record<ProbeName, { path: string; advice: string }> = {
  live: { path: "/healthz", advice: "Restart it, and look at its log." },
  ready: { path: "/readyz", advice: "Wait until it is ready, and look at its log." },
};

/** Runs one health check. */
export async function probe(name: ProbeName, address: RelayAddress, by: Deadline): Promise<Finding> {
  const { path, advice } = PROBES[name];
  const asking = address.isLocal ? askLocal(address.page(path), by) : ask(address.page(path), {}, by);
  const answer = await asking.catch((error: Error) => error);
  if (!(answer instanceof Error) && answer.status === 200) return works(got(answer));
  const [came, whatToDo] = answer instanceof Error
    ? [answer.message, adviceFor(TLS, answer) ?? await connectingAdvice(address, answer)]
    : [got(answer), answer.status === 404 ? adviceForOthers(name) : advice];
  throw new Fault({ expected: `HTTP 200 from ${address}${path}`, got: came, advice: whatToDo });
}

function adviceForOthers(name: ProbeName): string {
  return `Only relays of version 5 and later have this page: check others without --${name}.`;
}

/** Name and version of this relay; the status of other servers. */
function identity(answer: Answer): string {
  try {
    const { name, version } = JSON.parse(answer.text);
    if (typeof name === "string" && typeof version === "string") return `${name} ${version}`.slice(0, 60);
  } catch {
    // It is no JSON.
  }
  return `HTTP ${answer.status}`;
}

function isTlsTrouble(address: RelayAddress, error: Error): boolean {
  return address.isSecure && adviceFor(TLS, error) !== undefined;
}

async function connectingAdvice(address: RelayAddress, error: Error): Promise<string> {
  if (!(error instanceof Late)) return adviceFor(CONNECTING, error) ?? "Check host, port and network.";
  if (await takesConnections(address)) return "It takes connections but is silent: is it a relay, and does it hang?";
  return "It neither takes nor refuses connections: check host and port, and whether a firewall drops them.";
}

function adviceFor(causes: Causes, { message }: Error): string | undefined {
  return causes.find(([pattern]) => pattern.test(message))?.[1];
}

/** Connects by TCP alone, and not for long: the deadline of the answer has passed. */
async function takesConnections({ hostname, port }: RelayAddress): Promise<boolean> {
  const SHORTLY_MS = 500;
  const connecting = Deno.connect({ hostname, port });
  try {
    (await new Deadline(SHORTLY_MS).within(connecting)).close();
    return true;
  } catch {
    connecting.then((connection) => connection.close(), () => {});
    return false;
  }
}
