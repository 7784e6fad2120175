/**
 * The public module, for programs that embed a relay.
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
