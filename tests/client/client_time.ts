/** Clients on real sockets, in a time that only the test lets pass. */

import { type Environment, platform } from "../../src/client/environment.ts";
import type { FakeClock } from "../helpers/fakes.ts";

/** The platform's own, but for time. */
export function timedBy(clock: FakeClock): Environment {
  const after = (milliseconds: number, action: () => void) => {
    const timer = clock.after(milliseconds, action);
    return () => void timer.cancel();
  };
  return { ...platform(), now: () => clock.now(), after };
}
