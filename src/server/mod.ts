/**
 * The door for those who embed a relay in a program of their own.
 *
 * ```ts
 * import { Server } from "@localfirst/relay/server";
 *
 * const server = new Server({ port: 8080 });
 * await server.listen();
 * // ...
 * await server.close();
 * ```
 *
 * @module
 */

export type { RelayConfig } from "./config.ts";
export { ConfigError } from "./core/config_error.ts";
export { Server } from "./server.ts";
export type { Status } from "./page/page.ts";
