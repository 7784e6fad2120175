/**
 * The package's `package.json`: what is loaded where, and what it takes.
 *
 * @module
 */

import { filesBelow } from "./files.ts";
import { BUNDLE } from "./server_bundle.ts";

/** Neither the relay nor the client needs them: who uses the exports that do installs them. */
const OPTIONAL_PEERS: Record<string, string> = {
  "@automerge/automerge-repo": "^2.0.0",
  "y-protocols": "^1.0.6",
  "yjs": "^13.6.0",
};

const ON_DENO = [".", "./server"];
const NEEDS_DENO = "./src/needs_deno.js";
const COMMAND = "./src/relay.js";

/** Where an export is, by condition. */
type Export = Record<string, string>;

/** What `deno pack` writes, as far as it is of interest here. */
export interface Manifest {
  main: string;
  bin?: Record<string, string>;
  exports: Record<string, Export | string>;
  dependencies?: Record<string, string>;
}

/** Rewrites the manifest in the unpacked package. */
export async function rewriteManifest(unpacked: string): Promise<void> {
  const path = `${unpacked}/package.json`;
  const manifest: Manifest = JSON.parse(await Deno.readTextFile(path));
  const changed = withoutSideEffects(withDependencies(withDenoOnly(manifest), await importedIn(unpacked)));
  await Deno.writeTextFile(path, JSON.stringify(changed, null, 2));
}

/** The server is for Deno. Elsewhere its names lead to a sentence that says so. */
function withDenoOnly(manifest: Manifest): Manifest {
  const exports = Object.fromEntries(
    Object.entries(manifest.exports as Record<string, Export>).map(([name, { types, ...elsewhere }]) => {
      if (!ON_DENO.includes(name)) return [name, { types, ...elsewhere }];
      return [name, { types, deno: elsewhere.default.replace("./", `./${BUNDLE}/`), default: NEEDS_DENO }];
    }),
  );
  const bin = { relay: COMMAND };
  return { ...manifest, bin, main: NEEDS_DENO, exports: { ...exports, "./package.json": "./package.json" } };
}

function withDependencies(manifest: Manifest, imported: ReadonlySet<string>): Manifest {
  const needed = Object.entries(manifest.dependencies ?? {}).filter(([name]) => {
    return imported.has(name) && !(name in OPTIONAL_PEERS);
  });
  const peers = {
    peerDependencies: OPTIONAL_PEERS,
    peerDependenciesMeta: Object.fromEntries(Object.keys(OPTIONAL_PEERS).map((name) => [name, { optional: true }])),
  };
  return { ...manifest, dependencies: Object.fromEntries(needed), ...peers };
}

/** Bundlers may leave out what nobody uses: nothing happens at import. */
function withoutSideEffects(manifest: Manifest): Manifest & { sideEffects: false } {
  return { ...manifest, sideEffects: false };
}

/** The packages that the package's own modules and types import. */
async function importedIn(unpacked: string): Promise<Set<string>> {
  const imported = new Set<string>();
  for await (const file of filesBelow(unpacked)) {
    if (!/\.(js|d\.ts)$/.test(file)) continue;
    const imports = (await Deno.readTextFile(file)).matchAll(
      /\b(?:from|import) "((?:@[^/"]+\/)?[^./"][^/"]*)/g,
    );
    for (const [, name] of imports) imported.add(name);
  }
  return imported;
}
