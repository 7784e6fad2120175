/** A wire between clients and a relay, on which somebody listens. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Starts to pass connections on to the relay, and to record all that the relay sends: there frames are not masked. */
export async function startTap(relayUrl) {
  const { hostname, port } = new URL(relayUrl);
  const recordings = new Set();
  const ends = new Set();

  const server = createServer((client) => {
    const relay = connect(port, hostname);
    const recording = [];
    recordings.add(recording);
    relay.on("data", (chunk) => recording.push(chunk));
    for (const end of [client, relay]) ends.add(end.on("error", () => end.destroy()));
    client.on("close", () => relay.destroy()).pipe(relay).on("close", () => client.destroy()).pipe(client);
  }).listen(0, hostname);
  await once(server, "listening");

  const cut = () => ends.forEach((end) => end.destroy());
  return {
    url: `ws://${hostname}:${server.address().port}`,
    /** Whether these bytes, or this text, came by on any connection. */
    heard: (data) => [...recordings].some((recording) => Buffer.concat(recording).includes(data)),
    /** Cuts all connections without a word to either end. */
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}
