/**
 * What a module and all its imports take from npm.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** What `deno info --json` says of a graph, as far as it is asked here. */
interface Graph {
  roots: string[];
  redirects: Record<string, string>;
  modules: Module[];
  npmPackages: Record<string, { name: string; dependencies: string[] }>;
}

interface Module {
  specifier: string;
  npmPackage?: string;
  dependencies?: { code?: { specifier: string } }[];
}

/** The names of all packages that a module of this repository can run, sorted: not those of types, nor of tests. */
export async function packagesOf(entry: string): Promise<string[]> {
  const args = ["info", "--json", entry];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stderr: "inherit" }).output();
  const graph: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const packages = closure(importedBy(graph), (id) => graph.npmPackages[id].dependencies);
  return [...new Set(Array.from(packages, (id) => graph.npmPackages[id].name))].sort();
}

function importedBy({ roots, redirects, modules }: Graph): string[] {
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const moduleOf = (specifier: string) => bySpecifier.get(redirects[specifier] ?? specifier);
  const imports = (specifier: string) =>
    (moduleOf(specifier)?.dependencies ?? []).flatMap(({ code }) => code === undefined ? [] : [code.specifier]);
  return [...closure(roots, imports)].flatMap((specifier) => moduleOf(specifier)?.npmPackage ?? []);
}

function closure(start: Iterable<string>, next: (item: string) => Iterable<string>): Set<string> {
  const found = new Set(start);
  // A set that grows while it is walked is walked to its end.
  for (const item of found) for (const other of next(item)) found.add(other);
  return found;
}
