/** How soon after a join two peers hear each other, in round trips to the relay, which no machine makes shorter. */

import { assert } from "@std/assert";
import { WebSocket as ws } from "ws";
import { Client, type ClientOptions, createSecret, type PeerEvent } from "../../src/client/mod.ts";
import { LongWay } from "../helpers/long_way.ts";
import { startRelay, within } from "../helpers/process.ts";
import { VARIANTS } from "../helpers/transports.ts";
import { trusting } from "../helpers/trust.ts";

const ROUND_TRIP_MS = 100;
/** Whatever else the machine does makes some late: one of so many has to be as quick as it should be. */
const TRIES = 20;
const TRIES_NEARBY = 300;
/** What timers and two processes may add. */
const TOLERANCE = 1.1;

/** When a side was told of the other, and heard it: milliseconds after the join. */
interface Times {
  readonly connected: number;
  readonly heard: number;
}

for (const { name, flags, isTls } of VARIANTS) {
  Deno.test(`round trips: two after a join both sides have heard the other, on ${name}`, async () => {
    await using relay = await startRelay([...flags]);
    await using way = new LongWay(relay.port, ROUND_TRIP_MS);
    await using couple = await Couple.connect({ url: `${isTls ? "wss" : "ws"}://127.0.0.1:${way.port}` });
    const times = await couple.quickest(({ heard }) => heard <= trips(2));
    for (const { heard } of times) assert(heard >= 2 * ROUND_TRIP_MS, "or else the way is shorter than it should be");
  });

  Deno.test(`round trips: on the same machine a join takes less than 3 ms, on ${name}`, async () => {
    await using relay = await startRelay([...flags]);
    await using couple = await Couple.connect({ url: relay.url });
    await couple.quickest(({ heard }) => heard < 3, TRIES_NEARBY);
  });
}

Deno.test("round trips: a seal costs half of one between the peers for one side, and one for the other", async () => {
  await using relay = await startRelay();
  await using way = new LongWay(relay.port, ROUND_TRIP_MS);
  await using couple = await Couple.connect({ url: `ws://127.0.0.1:${way.port}`, secret: createSecret() });
  // One between the peers is two to the relay. Without a seal, they are joined and hear each other after two.
  const times = await couple.quickest(({ connected, heard }, other) =>
    connected < other.connected
      ? connected <= trips(2 + 1) && heard <= trips(4 + 1)
      : connected <= trips(2 + 2) && heard <= trips(2 + 2)
  );
  for (const { connected } of times) assert(connected >= 3 * ROUND_TRIP_MS);
});

function trips(count: number): number {
  return count * ROUND_TRIP_MS * TOLERANCE;
}

/**
 * A WebSocket that sends at once, as those of browsers, Node and Bun. Deno's own waits with a small frame until the one
 * before it is confirmed, which takes up to 40 ms.
 */
class PromptSocket extends ws {
  constructor(url: string) {
    super(url, { ca: trusting().caCerts });
  }
}

/** Two clients with their sockets open. */
class Couple implements AsyncDisposable {
  readonly #clients: Client[];

  static async connect(options: ClientOptions): Promise<Couple> {
    const couple = new Couple(
      ["alice", "bob"].map((userName) => new Client({ ...options, userName, WebSocket: PromptSocket })),
    );
    const connected = couple.#clients.map((client) =>
      new Promise<void>((resolve) => client.on("server.connect", resolve))
    );
    await within(Promise.all(connected), "both to connect");
    await couple.join("to know each other");
    return couple;
  }

  private constructor(clients: Client[]) {
    this.#clients = clients;
  }

  /** Lets them meet about one document after the other, until once each side was as quick as is wanted. */
  async quickest(isQuick: (times: Times, other: Times) => boolean, tries = TRIES): Promise<Times[]> {
    let times: Times[] = [];
    for (let i = 0; i < tries; i++) {
      times = await this.join(`doc ${i}`);
      if (isQuick(times[0], times[1]) && isQuick(times[1], times[0])) return times;
    }
    throw new Error(`Cannot meet as soon as wanted: the last of ${tries} tries took ${JSON.stringify(times)} ms`);
  }

  /** Both join a document: the times of both. */
  async join(documentId: string): Promise<Times[]> {
    let start = Infinity;
    const both = this.#clients.map((client) => timed(client, documentId, () => performance.now() - start));
    for (const client of this.#clients) client.join(documentId);
    start = performance.now();
    return await within(Promise.all(both), "both to hear the other");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
  }
}

/** Greets whom it meets about a document, and takes the time. */
function timed(client: Client, documentId: string, elapsed: () => number): Promise<Times> {
  return new Promise((resolve) => {
    const listener = (event: PeerEvent) => {
      if (event.documentId !== documentId) return;
      client.off("peer.connect", listener);
      const connected = elapsed();
      event.socket.on("data", () => resolve({ connected, heard: elapsed() }));
      event.socket.write("hello");
    };
    client.on("peer.connect", listener);
  });
}
