/**
 * The server in the npm package: modules for Deno that hold all libraries, so that who installs the client gets none of
 * them; and what the licenses of these ask for.
 *
 * @module
 */

import { run } from "./command.ts";
import { filesBelow } from "./files.ts";

/** Where it is in the package. */
export const BUNDLE = "deno";

/** What runs on Deno only. The bundle's files have the same paths below its folder. */
const DOORS = ["main.ts", "src/server/mod.ts"];
const UNBUNDLED = /\/package\/(main\.js|src\/(server|check)\/.*(?<!\.d\.ts))$/;

/** Where this machine keeps what is from a package: in comments, and in names of modules. */
const ORIGIN =
  /(?<=^(?:\/\/ | {2}"))(?<folder>\S*\/npm\/[^/\s]+\/(?<name>(?:@[^/\s]+\/)?[^/\s]+)\/(?<version>[^/\s]+))(?=\/)/gm;

/** Puts the bundle into the unpacked package, and takes out the modules that it stands for. */
export async function bundleServer(unpacked: string): Promise<void> {
  const folder = `${unpacked}/${BUNDLE}`;
  const options = ["--quiet", "--platform", "deno", "--outdir", folder];
  await run(Deno.execPath(), "bundle", ...options, ...DOORS);
  const files = await Array.fromAsync(filesBelow(unpacked));
  await Promise.all(files.filter((path) => UNBUNDLED.test(path)).map((path) => Deno.remove(path)));
  const licenses = new Map<string, string>();
  for await (const file of filesBelow(folder)) await nameOrigins(file, licenses);
  await Deno.writeTextFile(`${folder}/LICENSES`, [...licenses.values()].sort().join("\n"));
}

/** Says of what is from a package which one it is, and collects the licenses. */
async function nameOrigins(file: string, licenses: Map<string, string>): Promise<void> {
  const code = await Deno.readTextFile(file);
  for (const { groups } of code.matchAll(ORIGIN)) {
    const id = `${groups!.name}@${groups!.version}`;
    if (!licenses.has(id)) licenses.set(id, `${id}\n\n${await licenseIn(groups!.folder)}`);
  }
  await Deno.writeTextFile(file, code.replace(ORIGIN, "$<name>@$<version>"));
}

async function licenseIn(folder: string): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const file = names.find((name) => /^licen[sc]e/i.test(name));
  if (file !== undefined) return await Deno.readTextFile(`${folder}/${file}`);
  const { license, author } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  return `License: ${license}\nAuthor: ${author?.name ?? author}\n`;
}
