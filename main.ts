/**
 * The executable: arguments and environment → config → relay → exit code.
 *
 * @module
 */

import { check } from "./src/check/mod.ts";
import { VERSION } from "./src/protocol.ts";
import { type Command, parseCommand } from "./src/server/config.ts";
import { EXIT, fail, runRelay } from "./src/server/process/run.ts";

/**
 * Runs the command line; resolves to the exit code when that has ended.
 *
 * @param args The arguments behind the name of the program.
 */
export async function main(args: string[]): Promise<number> {
  const env = (name: string) => Deno.env.get(name);
  try {
    if (args[0] === "check") return await check(args.slice(1), env);
    return await run(parseCommand(args, env, VERSION));
  } catch (error) {
    return await fail(error);
  }
}

async function run(command: Command): Promise<number> {
  if ("run" in command) return await runRelay(command.run);
  console.log(command.print);
  return EXIT.ok;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
