/**
 * Why a WebSocket did not open, and what to do about it.
 *
 * @module
 */

import type { RelayAddress } from "./address.ts";
import type { Deadline } from "./deadline.ts";
import { quoted } from "./sides/frames.ts";
import { type Answer, ask } from "./http.ts";
import type { Trouble } from "./steps/step.ts";

/** The headers of a WebSocket handshake, with the key of RFC 6455: it is no secret. */
const HANDSHAKE = {
  "connection": "Upgrade",
  "upgrade": "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const NO_UPGRADES = "The proxy in front does not pass WebSocket upgrades: let it speak HTTP/1.1 to the relay, " +
  "and pass on the headers connection and upgrade.";

/** Sends the same request by plain HTTP, to learn why. `error` is the message of the WebSocket. */
export async function whyRefused(
  address: RelayAddress,
  socket: { path: string; error: string },
  by: Deadline,
): Promise<Trouble> {
  const expected = `a WebSocket to open at ${address}${socket.path}`;
  try {
    const answer = await ask(address.page(socket.path), HANDSHAKE, by);
    if (answer.status === 101) return { expected, got: socket.error, advice: "The same by HTTP did work: try again." };
    return { expected, got: got(answer), advice: advice(answer, address) };
  } catch {
    return { expected, got: socket.error, advice: NO_UPGRADES };
  }
}

/** An answer in one line, with its body if that is plain text. */
export function got({ status, headers, text }: Answer): string {
  const isSentence = headers.get("content-type")?.startsWith("text/plain") && text.trim() !== "";
  return `HTTP ${status}${isSentence ? `: ${quoted(text.trim(), 200)}` : ""}`;
}

function advice({ status, headers, text }: Answer, { hasToken }: RelayAddress): string {
  const wait = headers.has("retry-after") ? `, in ${headers.get("retry-after")} s` : "";
  if (status < 300) return `A web server answers here, but no relay. Or: ${NO_UPGRADES}`;
  if (status < 400) return `Use the address that it redirects to: ${headers.get("location")}.`;
  const known: Record<number, string> = {
    400: NO_UPGRADES,
    401: hasToken
      ? "The token is none of the relay's: check --token."
      : "The relay wants a token: give it with --token.",
    403: text.startsWith("Cannot connect: want the peer id") || text.startsWith("Cannot connect: want a document")
      ? "The token is a JWT, for one peer: give one of the relay's own tokens, or check with --live and --ready."
      : "A firewall, or a proxy in front, refuses this client: look at its rules.",
    404: "There is no relay at this address: check host, port and base path.",
    426: NO_UPGRADES,
    429: `The relay bounds what one address may do: try again later${wait}, or raise the bound.`,
    502: "The proxy in front does not reach the relay: does it run, on the port that the proxy expects?",
    503: `The relay is full or restarting: try again later${wait}; if it stays full, raise --max-connections.`,
    504: "The proxy in front does not reach the relay: does it run, on the port that the proxy expects?",
  };
  return known[status] ?? "Look at the log of the relay, and of the proxy in front.";
}
