/** Attackers that go on for a while, and come again when they are closed. */

import type { Listening } from "../helpers/process.ts";
import { RawConnection } from "../helpers/raw.ts";
import { soonest } from "./fate.ts";

/** Long enough for several rounds of everything, and for the first reminders. */
export const SECONDS = 5;

/** Says the same over and over, and comes again when it is closed. */
export async function repeat(relay: Listening, id: string, message: Uint8Array, pauseMs = 0): Promise<string> {
  let [messages, connections] = [0, 0];
  await forAWhile(async (goesOn) => {
    using raw = await RawConnection.upgrade(relay, `/introduction/${id}`);
    connections += 1;
    let isOpen = true;
    drained(raw).then(() => isOpen = false);
    while (goesOn() && isOpen && await taken(raw, message)) {
      messages += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  });
  return `${messages} messages in ${connections} connections`;
}

export async function forAWhile(act: (goesOn: () => boolean) => Promise<void>): Promise<void> {
  const until = performance.now() + SECONDS * 1000;
  const goesOn = () => performance.now() < until;
  while (goesOn()) await act(goesOn);
}

/** Reads everything away up to the end: who does not is dismissed as a slow reader. */
export async function drained({ connection }: RawConnection, heard = () => {}): Promise<void> {
  const chunk = new Uint8Array(64 * 1024);
  while (await connection.read(chunk).catch(() => null) !== null) heard();
}

export async function taken(raw: RawConnection, bytes: Uint8Array): Promise<boolean> {
  return await soonest(raw.write(bytes).then(() => true, () => false), SECONDS, false);
}
