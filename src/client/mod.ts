/**
 * The client of a relay: finds the peers who are interested in the same documents and connects to them.
 *
 * ```ts
 * import { Client } from "@localfirst/relay/client";
 *
 * const client = new Client({ userName: "alice", url: "myrelay.somedomain.com" })
 *   .join("ambitious-mongoose")
 *   .on("peer.connect", ({ documentId, userName, socket }) => {
 *     socket.write("Hello! 🎉");
 *     socket.on("data", (message) => console.log(`message from ${userName} about ${documentId}`, message));
 *   });
 * ```
 *
 * @module
 */

export { Client } from "./client.ts";
export type { ClientEvents, DocumentId, PeerEvent, PeerSocketMap, UserName } from "./events.ts";
export type { PeerData } from "./socket/inbox.ts";
export type { ClientOptions, Token } from "./options.ts";
export type { PeerSocket, WebSocketClass } from "./peer_socket.ts";
export type { PeerClose } from "./socket/end.ts";
export { RefusalError } from "./refusal_error.ts";
export type { IdKind } from "./sealed/mod.ts";
export { createSecret, type Secret } from "./sealed/secret.ts";
export { sealedId } from "./sealed_wire.ts";
