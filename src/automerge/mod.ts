/**
 * Repos of automerge-repo find each other through a relay, and sync from peer to peer.
 *
 * ```ts
 * import { Repo } from "@automerge/automerge-repo";
 * import { RelayNetworkAdapter } from "@localfirst/relay/automerge";
 *
 * const relay = new RelayNetworkAdapter({ url: "myrelay.somedomain.com", channel: "ambitious-mongoose" });
 * const repo = new Repo({ network: [relay] });
 * ```
 *
 * @module
 */

export { RelayNetworkAdapter, type RelayNetworkAdapterOptions } from "./relay_network_adapter.ts";
export type { DocumentId, Message, NetworkAdapterEvents, PeerId, PeerMetadata, StorageId } from "./repo_types.ts";
