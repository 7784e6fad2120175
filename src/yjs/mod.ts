/**
 * A provider for Yjs: shares documents and awareness through a relay, peer to peer.
 *
 * ```ts
 * import { RelayProvider } from "@localfirst/relay/yjs";
 * import * as Y from "yjs";
 *
 * const doc = new Y.Doc();
 * const provider = new RelayProvider("wss://my-relay.example", "ambitious-mongoose", doc);
 * provider.on("status", ({ status }) => console.log(status));
 * ```
 *
 * It needs the packages `yjs` and `y-protocols`.
 *
 * @module
 */

export { RelayProvider, type RelayProviderEvents, type RelayProviderOptions, type Status } from "./provider.ts";
export type { SyncStatus } from "./sync_status.ts";
