/**
 * A document in a Node process of its own, shared through the packed provider: `node peer.mjs URL NAME [SECRET]`. Takes orders as
 * JSON lines on stdin, and tells what happens as JSON lines on stdout. `yjs_peer.ts` is the other end.
 */
import { createHash, randomBytes } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";
import { RelayProvider } from "@localfirst/relay/yjs";
import { WebSocket } from "ws";
import { Doc } from "yjs";

const ROOM = "ambitious-mongoose";
const MOST_TOLD = 1_000;

const [url, name, secret] = process.argv.slice(2);
const doc = new Doc();
const text = doc.getText();
const provider = new RelayProvider(url, ROOM, doc, { userName: name, secret, minRetryDelay: 50, WebSocket });
const { awareness } = provider;

const ORDERS = {
  append: (words) => text.insert(text.length, words),
  remove: (words) => text.delete(text.toString().indexOf(words), words.length),
  fill: (length) => text.insert(0, randomBytes(length / 2).toString("hex")),
  awareness: (state) => awareness.setLocalState({ name, ...state }),
  connect: () => provider.connect(),
  disconnect: () => provider.disconnect(),
  destroy: () => provider.destroy(),
  /** As a script does that writes something and is done. */
  fillAndDestroy: (length) => {
    ORDERS.fill(length);
    provider.destroy();
    ORDERS.end();
  },
  /** Seeds the document once it is synced and empty, as editors do. */
  seed: (words) => {
    const seed = () => provider.synced && text.length === 0 && ORDERS.append(words);
    provider.on("sync", seed);
    seed();
  },
  hash: () => tell({ hash: createHash("sha256").update(text.toString()).digest("hex") }),
  /** Ends the process, unless something keeps it. */
  end: () => process.stdin.destroy(),
};

provider.on("status", ({ status }) => tell({ status }));
provider.on("synced", (synced) => tell({ synced }));
provider.on("sync", (sync) => tell({ sync }));
provider.on("connection-error", ({ message }) => tell({ error: message }));
text.observe(() => tell({ length: text.length, text: text.toString().slice(-MOST_TOLD) }));
awareness.on("change", (change) => tell({ states: [...awareness.getStates().values()], ...change }));
ORDERS.awareness({});
createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, value] = JSON.parse(line);
  ORDERS[order](value);
});

function tell(report) {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
