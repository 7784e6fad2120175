/**
 * Two clients of the packed package in one process meet about many documents and greet each other about each:
 * `node many_documents.mjs URL COUNT`. Prints one line of JSON when every greeting was heard.
 */
import process from "node:process";
import { Client } from "@localfirst/relay/client";

const [url, count] = process.argv.slice(2);
const documentIds = Array.from({ length: Number(count) }, (_, i) => `document ${i}`);
let sockets = 0;
const errors = [];

class CountedSocket extends WebSocket {
  constructor(url) {
    super(url);
    sockets += 1;
  }
}

const start = performance.now();
const clients = ["alice", "bob"].map((userName) =>
  new Client({ url, userName, documentIds, WebSocket: CountedSocket })
);
await Promise.all(clients.map(hearAll));
console.log(JSON.stringify({ milliseconds: Math.round(performance.now() - start), sockets, errors }));
for (const client of clients) await client[Symbol.asyncDispose]();

/** Resolves when a client has heard the other about every document. */
function hearAll(client) {
  const missing = new Set(documentIds);
  client.on("error", ({ message }) => errors.push(message));
  return new Promise((resolve) =>
    client.on("peer.connect", ({ documentId, socket }) => {
      socket.write(documentId);
      socket.on("data", (data) => {
        if (data === documentId) missing.delete(documentId);
        if (missing.size === 0) resolve();
      });
    })
  );
}
