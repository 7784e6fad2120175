/**
 * Makes the npm package: what `deno pack` makes, with the server as files of its own for Deno, and a manifest that says
 * who needs what.
 *
 *     deno run -A src/pack.ts FILE [options of deno pack]
 *
 * @module
 */

import { run } from "./pack/command.ts";
import { rewriteManifest } from "./pack/manifest.ts";
import { bundleServer } from "./pack/server_bundle.ts";
import { declareAsyncDispose } from "./pack/types.ts";

if (import.meta.main) {
  const [tarball, ...options] = Deno.args;
  await run(Deno.execPath(), "pack", "--output", tarball, ...options);
  await rewrite(tarball);
}

async function rewrite(tarball: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "relay_pack_" });
  try {
    await run("tar", "-xzf", tarball, "-C", folder);
    await bundleServer(`${folder}/package`);
    await rewriteManifest(`${folder}/package`);
    await declareAsyncDispose(`${folder}/package`);
    await run("tar", "-czf", tarball, "-C", folder, "package");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
