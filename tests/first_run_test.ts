/** What a machine that has never seen this repository downloads before its relay runs. */

import { assertEquals } from "@std/assert";
import { packagesOf } from "./helpers/module_graph.ts";

const ROOT = new URL("..", import.meta.url);

Deno.test("the first run fetches the packages that the relay runs, and no more", async () => {
  const cache = await Deno.makeTempDir({ prefix: "relay_first_run_" });
  try {
    const options = { args: ["run", "-A", "main.ts", "--version"], cwd: ROOT, env: { DENO_DIR: cache } };
    const { code, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals((await fetched(`${cache}/npm`)).sort(), await packagesOf("main.ts"));
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("what only tests, types or adapters need is nothing that the relay runs", async () => {
  const packages = await packagesOf("main.ts");
  for (const name of ["playwright-core", "fast-check", "yjs", "eventemitter3", "@types/node"]) {
    assertEquals(packages.includes(name), false, name);
  }
});

/** The names of the packages in a cache: it has a folder for each registry, in that for each package, in that for each version. */
async function fetched(folder: string): Promise<string[]> {
  const registries = await foldersIn(folder);
  const names = await Promise.all(registries.map((registry) => packagesIn(`${folder}/${registry}`)));
  return names.flat();
}

async function packagesIn(registry: string): Promise<string[]> {
  const names = await Promise.all((await foldersIn(registry)).map(async (name) => {
    if (!name.startsWith("@")) return [name];
    return (await foldersIn(`${registry}/${name}`)).map((inScope) => `${name}/${inScope}`);
  }));
  const hasVersion = await Promise.all(
    names.flat().map(async (name) => (await foldersIn(`${registry}/${name}`)).length),
  );
  return names.flat().filter((_, index) => hasVersion[index] > 0);
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}
