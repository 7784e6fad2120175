/**
 * Lets Node load the released packages as they were published. Only the loading differs, never what they do:
 *
 * - relay 4.2.2 imports JSON with `assert`, which Node 22 and later cannot parse; `with` is the keyword that stayed.
 * - relay-client 3.6.2 is ECMAScript for bundlers: paths without extension, JSON without attributes, a named import
 *   from CommonJS.
 * - 4.0.1 to 4.1.2 cannot be had from every registry: `relay-4.1` is 4.2.2 under their names, read from their source.
 */
import { readFile } from "node:fs/promises";

const V3 = "/node_modules/relay-client-3/dist/";
const V4 = "/node_modules/relay-4/dist/";

export async function resolve(specifier, context, next) {
  if (specifier === "relay-4.1") return earlier(await next("relay-4/Client.js", context));
  if (!context.parentURL?.includes(V3)) return await next(specifier, context);
  if (specifier === "eventemitter3") return asNamedExport(await next(specifier, context));
  const lacksExtension = specifier.startsWith("./");
  return await next(lacksExtension ? `${specifier}.js` : specifier, context);
}

export async function load(url, context, next) {
  if (url.includes("?named")) return module(namedExport(url));
  if (url.includes(V3) && url.endsWith(".json")) return module(`export default ${await source(url)}`);
  if (url.includes(V3)) return module(await source(url));
  if (url.endsWith("?earlier")) return module(withEarlierNames(withKeyword(await source(url))));
  if (url.includes(V4) && url.endsWith(".js")) return module(withKeyword(await source(url)));
  return await next(url, context);
}

function earlier(resolved) {
  return { ...resolved, url: `${resolved.url}?earlier` };
}

/** What 4.1.3 called `peerId` was `userName` before, also on the wire; events had dots; binary came as the platform has it. */
function withEarlierNames(code) {
  return code
    .replaceAll("peerId", "userName")
    .replaceAll(/"(server|peer)-((?:dis)?connect)"/g, '"$1.$2"')
    .replaceAll(/^.*\.binaryType = .*$/gm, "");
}

function asNamedExport(resolved) {
  return { ...resolved, url: `${resolved.url}?named`, format: "module" };
}

function namedExport(url) {
  return `export { default as EventEmitter } from ${JSON.stringify(url.replace("?named", ""))};`;
}

function withKeyword(code) {
  return code.replace(/ assert (\{ type: "json" \})/, " with $1");
}

function module(code) {
  return { format: "module", source: code, shortCircuit: true };
}

async function source(url) {
  return await readFile(new URL(url), "utf8");
}
