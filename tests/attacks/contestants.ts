/** Who is attacked: the ancestor, and this relay on both transports. Each is a process of its own. */

import { Listening, portOf, RELAY_ENV } from "../helpers/process.ts";
import { installReleased, startAncestor } from "../helpers/released.ts";

/** What an attack wants of the relay it attacks. */
export interface Conditions {
  /** Options of our relay. */
  readonly options?: readonly string[];
  /** How many descriptors it can have (`ulimit -n`). */
  readonly descriptors?: number;
}

/** One who is attacked. */
export interface Contestant {
  readonly name: "ancestor" | "deno" | "tcp";
  start(conditions: Conditions): Promise<Listening>;
}

const ROOT = new URL("../../", import.meta.url);

export const ANCESTOR: Contestant = {
  name: "ancestor",
  start: async () => {
    await installReleased();
    return await startAncestor(4);
  },
};

export const OURS: readonly Contestant[] = [ours("deno"), ours("tcp")];

function ours(name: "deno" | "tcp"): Contestant {
  return { name, start: (conditions) => startOurs(name, conditions) };
}

/** As `deno task start` does, through a shell, since only that can lower the descriptors. */
async function startOurs(transport: string, { options = [], descriptors }: Conditions): Promise<Listening> {
  const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors}; `;
  const fixed = ["--port", "0", "--transport", transport, "--drain-timeout", "1"];
  const args = ["-c", `${limit}exec "$0" "$@"`, Deno.execPath(), "run", "-A", "main.ts", ...fixed, ...options];
  return await new Listening(`our relay on ${transport}`, "sh", { args, cwd: ROOT, env: RELAY_ENV }).listening(portOf);
}
