/**
 * Whether the listener still accepts: after descriptors ran out, a listener can stay open and accept nothing any more.
 *
 * @module
 */

import { LIMITS } from "../core/limits.ts";
import { type OwnAddress, ownHost } from "../config/own_address.ts";

const REQUEST = new TextEncoder().encode("GET /healthz HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n");

/**
 * Sends this relay a request. A listener is deaf if the system takes the connection, and neither an answer comes nor a
 * request of anybody else: on a machine without processor time to spare, an answer may take very long.
 *
 * @param requests How many have come so far.
 */
export async function isDeaf({ host, port }: OwnAddress, requests: () => number): Promise<boolean> {
  const before = requests();
  try {
    using connection = await Deno.connect({ hostname: ownHost(host), port });
    await connection.write(REQUEST);
    return await isSilent(connection) && requests() === before;
  } catch {
    return false;
  }
}

async function isSilent(connection: Deno.TcpConn): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(true), LIMITS.probeAnswerMs));
  const answer = connection.read(new Uint8Array(64)).then(() => false, () => false);
  const isDeaf = await Promise.race([silence, answer]);
  clearTimeout(timer);
  return isDeaf;
}
