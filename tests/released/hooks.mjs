/**
 * Lets Node load the released packages as they were published. Only the loading differs, never what they do:
 *
 * - relay 4.2.2 imports JSON with `assert`, which Node 22 and later cannot parse; `with` is the keyword that stayed.
 * - relay-client 3.6.2 is ECMAScript for bundlers: paths without extension, JSON without attributes, a named import
 *   from CommonJS.
 */
import { readFile } from "node:fs/promises";

const V3 = "/node_modules/relay-client-3/dist/";
const V4 = "/node_modules/relay-4/dist/";

export async function resolve(specifier, context, next) {
  if (!context.parentURL?.includes(V3)) return await next(specifier, context);
  if (specifier === "eventemitter3") return asNamedExport(await next(specifier, context));
  const lacksExtension = specifier.startsWith("./");
  return await next(lacksExtension ? `${specifier}.js` : specifier, context);
}

export async function load(url, context, next) {
  if (url.includes("?named")) return module(namedExport(url));
  if (url.includes(V3) && url.endsWith(".json")) return module(`export default ${await source(url)}`);
  if (url.includes(V3)) return module(await source(url));
  if (url.includes(V4) && url.endsWith(".js")) return module(withKeyword(await source(url)));
  return await next(url, context);
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
