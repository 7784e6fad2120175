/** Streams on a real relay: every size, every mixture of streams and sockets, and hundreds of documents. */

import { assertEquals } from "@std/assert";
import { Client, type ClientOptions, type PeerSocket } from "../../../src/client/mod.ts";
import { type Listening, startRelay, within } from "../../helpers/process.ts";
import { TRANSPORTS } from "../../helpers/transports.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** About what fits a record, a first window, a window, and what a relay takes. */
const SIZES = [0, 1, 125, 32 * KIB, 32 * KIB + 1, 65_472, 65_473, 256 * KIB, MIB + 3, 64 * MIB, 0, 2];
/** Deno's own WebSocket takes no frame of 64 MiB. */
const LARGEST_FRAME = 64 * MIB - 1;
const MIXTURES = {
  "streams": [true, true],
  "a stream and a socket": [true, false],
  "a socket and a stream": [false, true],
};

for (const transport of TRANSPORTS) {
  for (const [mixture, [first, second]] of Object.entries(MIXTURES)) {
    Deno.test(`multiplex: messages of every size cross both ways, ${mixture}, on ${transport}`, async () => {
      await using relay = await startRelay(["--transport", transport]);
      await using alice = client(relay, "alice", { multiplex: first });
      await using bob = client(relay, "bob", { multiplex: second });
      const [mine, theirs] = await meet(alice, bob);
      const sizes = SIZES.map((size) => first && second ? size : Math.min(size, LARGEST_FRAME));
      const [atBob, atAlice] = [new Ear(theirs), new Ear(mine)];
      for (const [i, size] of sizes.entries()) {
        for (const socket of [mine, theirs]) {
          socket.write(i % 2 === 0 ? new Uint8Array(size).fill(i + 1) : "x".repeat(size));
        }
        // The default transport cannot pause a socket that sends more than it keeps for the other side.
        if (size > MIB) await within(Promise.all([atBob.until(i + 1), atAlice.until(i + 1)]), `message ${i}`);
      }
      const wanted = sizes.map((size, i) =>
        i % 2 === 0 ? `binary ${size} of ${size && i + 1}` : `text ${size} of ${size && "x"}`
      );
      for (const ear of [atBob, atAlice]) {
        assertEquals(await within(ear.until(sizes.length), "all messages"), wanted);
      }
    });
  }

  Deno.test(`multiplex: two clients meet about 300 documents, with a socket each, on ${transport}`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const documentIds = Array.from({ length: 300 }, (_, i) => `doc ${i}`);
    await using alice = client(relay, "alice", { documentIds });
    await using bob = client(relay, "bob", { documentIds });
    const errors: Error[] = [];
    const heard = [alice, bob].map((one) =>
      new Promise<void>((resolve) => {
        const left = new Set(documentIds);
        one.on("error", (error) => errors.push(error)).on("peer.connect", ({ documentId, socket }) => {
          socket.write(`about ${documentId}`);
          socket.on("data", (data) => {
            if (data === `about ${documentId}`) left.delete(documentId);
            if (left.size === 0) resolve();
          });
        });
      })
    );
    await within(Promise.all(heard), "both to hear the other about every document");
    const status = await (await fetch(relay.http, { headers: { accept: "application/json" } })).json();
    assertEquals([status.connections, status.streams, status.pairs, errors], [2, 600, 300, []]);
  });

  Deno.test(`multiplex: who reads one conversation only gets all of it, on ${transport}`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    await using alice = client(relay, "alice", { documentIds: ["bulk", "small"] });
    await using bob = client(relay, "bob", { documentIds: ["bulk", "small"] });
    const [bulk] = await meet(alice, bob, "bulk");
    const [small, answers] = await meet(alice, bob, "small");
    answers.on("data", (data) => answers.write(data as string));
    for (let i = 0; i < 64; i++) bulk.write(new Uint8Array(MIB));
    const echoes = new Ear(small);
    for (let i = 0; i < 100; i++) small.write("echo");
    await within(echoes.until(100), "the echoes");
    assertEquals(bulk.bufferedAmount > 0, true, "they did not wait for the bulk");
    await bulk.ready;
  });
}

function client(relay: Listening, userName: string, options: Partial<ClientOptions> = {}): Client {
  return new Client({ userName, url: relay.url, documentIds: ["doc"], minRetryDelay: 50, ...options });
}

/** The two ends of their conversation. */
async function meet(alice: Client, bob: Client, documentId = "doc"): Promise<[PeerSocket, PeerSocket]> {
  return await within(
    Promise.all([socketOf(alice, bob.userName, documentId), socketOf(bob, alice.userName, documentId)]),
    "them to meet",
  );
}

async function socketOf(client: Client, peer: string, documentId: string): Promise<PeerSocket> {
  const known = client.get(peer, documentId);
  if (known) return known;
  return await new Promise((resolve) =>
    client.on("peer.connect", (event) => {
      if (event.userName === peer && event.documentId === documentId) resolve(event.socket);
    })
  );
}

/** What comes on a socket, in words. */
class Ear {
  readonly #heard: string[] = [];
  #wake = () => {};

  constructor(socket: PeerSocket) {
    socket.on("data", (data) => {
      this.#heard.push(inWords(data));
      this.#wake();
    });
  }

  /** All that came, once it is so many messages. */
  async until(count: number): Promise<string[]> {
    while (this.#heard.length < count) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#heard;
  }
}

/** What it consists of: its first byte, where all are alike. */
function inWords(data: string | ArrayBuffer): string {
  if (typeof data === "string") return `text ${data.length} of ${data === "" ? 0 : data[0]}`;
  const bytes = new Uint8Array(data);
  const isUniform = bytes.every((byte) => byte === bytes[0]);
  return `binary ${bytes.byteLength} of ${isUniform ? bytes[0] ?? 0 : "several"}`;
}
