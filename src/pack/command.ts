/**
 * The programs that make the package.
 *
 * @module
 */

/** Runs a program to its end. Throws an `Error` if it fails. */
export async function run(command: string, ...args: string[]): Promise<void> {
  const { success, code } = await new Deno.Command(command, { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`Cannot make the package: want ${command} ${args[0]} to end with 0, got ${code}`);
}
