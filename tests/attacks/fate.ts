/** What happens to those who attack. */

import type { RawConnection } from "../helpers/raw.ts";

/** Seconds without any byte taken after which a writer counts as stopped: back-pressure, not slowness. */
const STALL_SECONDS = 3;
/** The first byte of a close frame. */
const CLOSE_HEAD = 0x88;

/** Writes as often as said; tells how often it could before the relay hung up or took nothing any more. */
export async function flood(raw: RawConnection, chunk: Uint8Array, times: number): Promise<number> {
  for (let written = 0; written < times; written++) {
    const outcome = await Promise.race([raw.write(chunk).then(() => "taken", () => "gone"), stall()]);
    if (outcome !== "taken") return written;
  }
  return times;
}

/** How the relay ends a socket: its close code, a hang-up, or not within these seconds. */
export async function fateOf(raw: RawConnection, seconds: number): Promise<string> {
  return await soonest(endOf(raw), seconds, "left open");
}

/** Reads up to a close frame, or to the end. Attackers hear only control frames, which are short. */
async function endOf({ connection }: RawConnection): Promise<string> {
  const chunk = new Uint8Array(4096);
  const heard: number[] = [];
  for (;;) {
    const read = await connection.read(chunk).catch(() => null);
    if (read === null) return "hung up on";
    heard.push(...chunk.subarray(0, read));
    const code = closeCodeIn(heard);
    if (code !== undefined) return `closed with ${code}`;
  }
}

function closeCodeIn(bytes: readonly number[]): number | undefined {
  for (let at = 0; at + 3 < bytes.length; at += 2 + bytes[at + 1]) {
    if (bytes[at] === CLOSE_HEAD) return bytes[at + 2] * 256 + bytes[at + 3];
  }
}

/** The first of an event and the end of the time. */
export async function soonest<T, L>(event: Promise<T>, seconds: number, late: L): Promise<T | L> {
  const expiry = Promise.withResolvers<L>();
  const timer = setTimeout(() => expiry.resolve(late), seconds * 1000);
  try {
    return await Promise.race([event, expiry.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function stall(): Promise<string> {
  return soonest(new Promise<string>(() => {}), STALL_SECONDS, "stalled");
}
