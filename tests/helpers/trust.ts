/**
 * A certificate for localhost that only tests trust, and clients that trust it.
 *
 * @module
 */

const FOLDER = new URL("./", import.meta.url).pathname;

/** Certificate and key, which nobody outside of these tests accepts. */
export const CERTIFICATE_FILES = { cert: `${FOLDER}localhost.pem`, key: `${FOLDER}localhost.key` } as const;

/** For `Deno.connectTls` and `Deno.createHttpClient`. */
export function trusting(): { caCerts: string[] } {
  return { caCerts: [Deno.readTextFileSync(CERTIFICATE_FILES.cert)] };
}

/** `fetch`, from whomever. */
export async function fetchTrusting(url: string, init: RequestInit = {}): Promise<Response> {
  if (!url.startsWith("https:")) return await fetch(url, init);
  using client = Deno.createHttpClient(trusting());
  const response = await fetch(url, { ...init, client } as RequestInit);
  // Read at once: the client does not outlive this call.
  const body = await response.arrayBuffer();
  return new Response(body.byteLength > 0 ? body : null, response);
}

/** A WebSocket, from whomever. */
export function webSocketTrusting(url: string): WebSocket {
  if (!url.startsWith("wss:")) return new WebSocket(url);
  const client = Deno.createHttpClient(trusting());
  const socket = new WebSocket(url, { client } as unknown as string[]);
  socket.addEventListener("close", () => client.close(), { once: true });
  return socket;
}
