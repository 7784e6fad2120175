/**
 * In the npm package: what the server's names lead to where there is no Deno, which is a sentence. The names are here so
 * that nobody is told that one of them is missing instead.
 *
 * @module
 */

/** Not here. */
export class Server {}

/** Not here. */
export class ConfigError extends Error {}

/** Not here. */
export function main() {}

// Before version 21 Node has no navigator.
const runtime = globalThis.navigator?.userAgent ?? "Node.js";
throw new Error(
  `Cannot load the relay's server: want Deno, got ${runtime}; the client is @localfirst/relay/client, and runs here`,
);
