/** The library's own acceptance tests, with a channel for each: `RELAY_URL=... npx vitest run`. */
import "@automerge/automerge-repo"; // the tests themselves do not load the part in WebAssembly
import { runNetworkAdapterTests } from "@automerge/automerge-repo/helpers/tests/network-adapter-tests.js";
import { RelayNetworkAdapter } from "@localfirst/relay/automerge";
import process from "node:process";
import { WebSocket } from "ws";

const url = process.env.RELAY_URL;

runNetworkAdapterTests(() => {
  const channel = crypto.randomUUID();
  const adapters = Array.from({ length: 3 }, () => new RelayNetworkAdapter({ url, channel, WebSocket }));
  const teardown = () => adapters.forEach((adapter) => adapter.disconnect());
  return Promise.resolve({ adapters, teardown });
});
