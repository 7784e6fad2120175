/**
 * The front door: arguments and environment → config → relay → exit code.
 *
 * @module
 */

import { check } from "./src/check/mod.ts";
import { VERSION } from "./src/protocol.ts";
import { type Command, parseCommand } from "./src/server/config.ts";
import { ConfigError } from "./src/server/core/config_error.ts";
import { EXIT, runRelay } from "./src/server/process/run.ts";

/**
 * Does what the command line says, and gives the exit code, for a relay when it has ended.
 *
 * @param args All that stands behind the program's name.
 */
export async function main(args: string[]): Promise<number> {
  const env = (name: string) => Deno.env.get(name);
  if (args[0] === "check") return await check(args.slice(1), env);
  try {
    return await obey(parseCommand(args, env, VERSION));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT.badConfig;
  }
}

async function obey(command: Command): Promise<number> {
  if ("run" in command) return await runRelay(command.run);
  console.log(command.print);
  return EXIT.ok;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
