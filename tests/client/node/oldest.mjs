/**
 * Takes away from Node what the browsers in browsers.json do not have, and what jsdom has not: a preload,
 * `node --import ./oldest.mjs`. What they have is what MDN's table of compatibility says.
 */
import { createRequire } from "node:module";
import process from "node:process";

/** `ws` needs it, which stands in for the browser's WebSocket. */
const KEPT = "captureStackTrace";
const { hasOwn } = Object; // it may be taken away, too
const require = createRequire(import.meta.url);
const isSealed = process.argv.includes("sealed");
const browsers = require(isSealed ? "./browsers_sealed.json" : "./browsers.json");
const table = require("@mdn/browser-compat-data");

for (const [name, features] of Object.entries({ ...table.api, ...table.javascript.builtins })) {
  const owner = globalThis[name];
  if (owner === undefined) continue;
  if (isTooNew(features)) delete globalThis[name];
  else for (const [member, feature] of Object.entries(features)) if (isTooNew(feature)) take(owner, member);
}
// Browsers have these, and a seal needs them.
if (!isSealed) { for (const name of ["TextEncoder", "TextDecoder"]) delete globalThis[name]; }

/** Whether one of the browsers is older than this feature. */
function isTooNew({ __compat: compat }) {
  return compat !== undefined && Object.entries(browsers).some(([browser, version]) => {
    const { version_added: since } = [compat.support[browser] ?? {}].flat()[0];
    return since === false || parseFloat(since) > version;
  });
}

function take(owner, member) {
  const name = member.replace(/_static$/, "");
  const key = /^(Symbol\.|@@)/.test(name) ? Symbol[name.replace(/^(Symbol\.|@@)/, "")] : name;
  if (key === KEPT) return;
  for (const place of [owner, owner.prototype]) {
    if (place !== undefined && hasOwn(place, key)) Reflect.deleteProperty(place, key);
  }
}
