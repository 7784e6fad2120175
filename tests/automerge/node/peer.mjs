/**
 * A repo in a process of its own: `node peer.mjs PEER-ID URL [CHANNEL [SECRET]]`. Takes orders as JSON lines on stdin, and tells on
 * stdout what happens to it. `../repo_peer.ts` is the other end.
 */
import { Repo } from "@automerge/automerge-repo";
import { RelayNetworkAdapter } from "@localfirst/relay/automerge";
import { createHash, randomBytes } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const [peerId, url, channel, secret] = process.argv.slice(2);
const adapter = new RelayNetworkAdapter({
  url,
  channel,
  secret,
  WebSocket,
  minRetryDelay: 50,
  onError: ({ message }) => tell({ type: "error", message }),
});
const repo = new Repo({ network: [adapter], peerId });
repo.networkSubsystem.on("peer", ({ peerId }) => tell({ type: "peer", peerId }));
repo.networkSubsystem.on("peer-disconnected", ({ peerId }) => tell({ type: "peer-disconnected", peerId }));

const handles = new Map();
const orders = {
  create: () => watch(repo.create()),
  find: async ({ document }) => watch(await repo.find(document)),
  change: ({ document, key, value }) => handles.get(document).change((doc) => doc[key] = value),
  fill: ({ document, key, bytes }) =>
    handles.get(document).change((doc) => doc[key] = new Uint8Array(randomBytes(bytes))),
  broadcast: ({ document, message }) => handles.get(document).broadcast(message),
  join: ({ document }) => adapter.join(document),
  leave: ({ document }) => adapter.leave(document),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...parameters } = JSON.parse(line);
  await orders[order](parameters);
}

function watch(handle) {
  handles.set(handle.url, handle);
  const show = () => tell({ type: "doc", document: handle.url, doc: shown(handle.doc()) });
  handle.on("change", show);
  handle.on("ephemeral-message", ({ senderId, message }) => tell({ type: "broadcast", peerId: senderId, message }));
  show();
}

/** Bytes by their digest: there may be many. */
function shown(doc) {
  const entries = Object.entries(doc).map(([key, value]) => [key, value instanceof Uint8Array ? digest(value) : value]);
  return Object.fromEntries(entries);
}

function digest(bytes) {
  return `${bytes.byteLength} bytes ${createHash("sha256").update(bytes).digest("hex")}`;
}

function tell(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
