/**
 * Makes the client as the relay serves it to pages: one module, and a second one that only clients with a secret load.
 *
 *     deno run -A src/pack/client_bundle.ts
 *
 * @module
 */

/** How the client's source names what it loads on demand. */
const SEALED = "./sealed/mod.ts";
const HASH_CHARACTERS = 8;

/** The two modules, by the names under which the relay serves them. */
export interface Scripts {
  readonly "client.js": string;
  readonly "client_sealed.js": string;
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await makeScripts())) {
    await Deno.writeTextFile(new URL(`../server/page/${name}`, import.meta.url), text);
  }
}

/** Makes both. A client asks for the second by its content, so that it never gets an older one from a cache. */
export async function makeScripts(): Promise<Scripts> {
  const client = await bundle("client/mod.ts", "--external", SEALED);
  const sealed = await bundle("client/sealed/mod.ts");
  const named = client.split(`"${SEALED}"`);
  if (named.length !== 2) {
    throw new Error(`Cannot bundle the client: want ${SEALED} in it once, got ${named.length - 1}`);
  }
  return {
    "client.js": named.join(`"./client_sealed.js?${await hash(sealed)}"`),
    "client_sealed.js": sealed,
  };
}

async function bundle(path: string, ...options: string[]): Promise<string> {
  const output = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const file = new URL(`../${path}`, import.meta.url).pathname;
    const args = ["bundle", "--quiet", "--platform", "browser", "--minify", ...options, "-o", output, file];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (!success) throw new Error(`Cannot bundle ${path}: ${new TextDecoder().decode(stderr).trim()}`);
    return await Deno.readTextFile(output);
  } finally {
    await Deno.remove(output);
  }
}

async function hash(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, HASH_CHARACTERS);
}
