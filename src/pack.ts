/**
 * Makes the npm package: what `deno pack` makes, and what it cannot say, that some exports need libraries which only
 * those who use these exports install.
 *
 *     deno run -A src/pack.ts FILE [options of deno pack]
 *
 * @module
 */

/** Neither the relay nor the client needs them. */
const OPTIONAL_PEERS: Record<string, string> = {
  "@automerge/automerge-repo": "^2.0.0",
  "y-protocols": "^1.0.6",
  "yjs": "^13.6.0",
};

interface Manifest {
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional: boolean }>;
}

if (import.meta.main) {
  const [tarball, ...options] = Deno.args;
  await run(Deno.execPath(), "pack", "--output", tarball, ...options);
  await rewrite(tarball);
}

async function rewrite(tarball: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "relay_pack_" });
  try {
    await run("tar", "-xzf", tarball, "-C", folder);
    const path = `${folder}/package/package.json`;
    const manifest = withOptionalPeers(JSON.parse(await Deno.readTextFile(path)));
    await Deno.writeTextFile(path, JSON.stringify(manifest, null, 2));
    await run("tar", "-czf", tarball, "-C", folder, "package");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function withOptionalPeers(manifest: Manifest): Manifest {
  const dependencies = Object.entries(manifest.dependencies ?? {}).filter(([name]) => !(name in OPTIONAL_PEERS));
  return {
    ...manifest,
    dependencies: Object.fromEntries(dependencies),
    peerDependencies: OPTIONAL_PEERS,
    peerDependenciesMeta: Object.fromEntries(Object.keys(OPTIONAL_PEERS).map((name) => [name, { optional: true }])),
  };
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, code } = await new Deno.Command(command, { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`Cannot make the package: want ${command} to end with 0, got ${code}`);
}
