/** Who is attacked: the ancestor, and this relay on both transports. Each is a process of its own. */

import { Listening, portOf, RELAY_ENV } from "../helpers/process.ts";
import { TCP_VARIANTS, type Variant, VARIANTS } from "../helpers/transports.ts";
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
  readonly name: string;
  /** Of our relay. */
  readonly transport?: Variant["transport"];
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

/** The default transport, and the one for the internet with TLS and without. */
export const OURS: readonly Contestant[] = [...VARIANTS.filter(({ name }) => name === "deno"), ...TCP_VARIANTS].map(
  ours,
);

function ours(variant: Variant): Contestant {
  const { name, transport } = variant;
  return { name, transport, start: (conditions) => startOurs(variant, conditions) };
}

/** As `deno task start` does, through a shell, since only that can lower the descriptors. */
async function startOurs({ name, flags }: Variant, { options = [], descriptors }: Conditions): Promise<Listening> {
  const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors}; `;
  const fixed = ["--port", "0", ...flags, "--drain-timeout", "1"];
  const args = ["-c", `${limit}exec "$0" "$@"`, Deno.execPath(), "run", "-A", "main.ts", ...fixed, ...options];
  return await new Listening(`our relay on ${name}`, "sh", { args, cwd: ROOT, env: RELAY_ENV }).listening(portOf);
}
