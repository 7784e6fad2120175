/** The adapter without the library: what it does with peers, and with those who are none. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeGreeting, encodeMessage } from "../../src/automerge/messages.ts";
import {
  type Message,
  type PeerId,
  RelayNetworkAdapter,
  type RelayNetworkAdapterOptions,
  type StorageId,
} from "../../src/automerge/mod.ts";
import { Client, type PeerSocket, type WebSocketClass } from "../../src/client/mod.ts";
import { MessageStream } from "../../src/message_stream.ts";
import { KIND, RecordReader } from "../../src/protocol.ts";
import { FakeRelay, turn } from "../client/fake_relay.ts";
import { Inbox, startRelay, within } from "../helpers/process.ts";

/** Where they meet who have no document in common. */
const TEAM = { channel: "team" };
/** A frame with nothing but a greeting. */
const GREETING = new Uint8Array([1, ...encodeGreeting({})]).buffer;

Deno.test("a document is the same by its id, by its URL, and by its URL with heads", async () => {
  await using relay = await startRelay();
  await using group = new Group(...["alice", "bob", "carol"].map((name) => new Peer(name, relay.url)));
  const [alice, bob, carol] = group.peers;
  alice.adapter.join("doc");
  bob.adapter.join("automerge:doc");
  await alice.next("+ bob on bob's disk");
  carol.adapter.join("automerge:doc#head|head");
  await carol.next("+ alice on alice's disk");
  await carol.next("+ bob on bob's disk");
});

for (const multiplex of [true, false]) {
  const way = multiplex ? "on one socket" : "on a socket for each document";
  Deno.test(`who shares two documents is one peer; when one connection ends, both begin anew on the other, ${way}`, async () => {
    await using relay = await startRelay();
    await using group = new Group(...["alice", "bob"].map((name) => new Peer(name, relay.url, { multiplex })));
    const [alice, bob] = group.peers;
    for (const document of ["first", "second"]) {
      for (const { adapter } of group.peers) adapter.join(document);
      for (const { greetings } of group.peers) await greetings.next(document, (greeted) => greeted === document);
    }
    assertEquals([await alice.next(), await bob.next()], ["+ bob on bob's disk", "+ alice on alice's disk"]);
    alice.adapter.leave("first");
    assertEquals([await alice.next(), await alice.next()], ["- bob", "+ bob on bob's disk"]);
    assertEquals([await bob.next(), await bob.next()], ["- alice", "+ alice on alice's disk"]);
    for (const text of ["1", "2", "3"]) alice.say("bob", text);
    for (const text of ["1", "2", "3"]) assertEquals(await bob.next(), `alice: ${text}`);
  });
}

Deno.test("who shares a thousand documents is one peer, with one socket", async () => {
  await using relay = await startRelay();
  await using group = new Group(new Peer("alice", relay.url), new Peer("bob", relay.url));
  const [alice, bob] = group.peers;
  const documents = Array.from({ length: 1000 }, (_, i) => `document ${i}`);
  for (const { adapter } of group.peers) documents.forEach((document) => adapter.join(document));
  for (const { greetings } of group.peers) for (const _ of documents) await greetings.next("a greeting");
  assertEquals([await alice.next(), await bob.next()], ["+ bob on bob's disk", "+ alice on alice's disk"]);
  const status = await (await fetch(relay.http, { headers: { accept: "application/json" } })).json();
  assertEquals([status.connections, status.pairs], [2, documents.length]);
  alice.say("bob", "one of a thousand");
  assertEquals(await bob.next(), "alice: one of a thousand");
});

Deno.test("after a disconnect nothing is heard or sent, until it is connected again", async () => {
  await using relay = await startRelay();
  await using group = new Group(new Peer("alice", relay.url, TEAM), new Peer("bob", relay.url, TEAM));
  const [alice, bob] = group.peers;
  await alice.next("+ bob");
  await bob.next("+ alice");
  alice.adapter.disconnect();
  assertEquals(await alice.next(), "- bob");
  alice.say("bob", "unheard");
  await bob.next("- alice");
  alice.connect();
  await bob.next("+ alice");
  await alice.next("+ bob");
  alice.say("bob", "heard");
  assertEquals(await bob.next(), "alice: heard");
});

Deno.test("what was sent before a disconnect arrives, however much it is", async () => {
  await using relay = await startRelay();
  await using group = new Group(new Peer("alice", relay.url, TEAM), new Peer("bob", relay.url, TEAM));
  const [alice, bob] = group.peers;
  await alice.next("+ bob");
  await bob.next("+ alice");
  alice.adapter.send(message("alice", "bob", { text: "large", data: new Uint8Array(20_000_000) }));
  alice.adapter.disconnect();
  assertEquals(await alice.next(), "- bob");
  assertEquals(await bob.next(), "alice: large");
  await bob.next("- alice"); // behind an error, where the close overtakes what he says he has got
});

Deno.test("who speaks something else is sent away, and no peer", async () => {
  await using relay = await startRelay();
  await using group = new Group(new Peer("alice", relay.url, TEAM));
  await using stranger = new Client({ userName: "stranger", url: relay.url, documentIds: ["team"] });
  const socket = await connection(stranger);
  socket.write("Hello! 🎉");
  const [alice] = group.peers;
  assertEquals(await alice.next(), "error Cannot understand a peer: want a number of bytes under way, got Hello! 🎉");
});

Deno.test("who speaks for others is sent away; what a repo passes on is heard", async () => {
  await using relay = await startRelay();
  await using group = new Group(new Peer("alice", relay.url, TEAM));
  await using mallory = new Client({ userName: "mallory", url: relay.url, documentIds: ["team"] });
  const socket = await connection(mallory);
  const ended = new Promise<unknown>((resolve) => socket.on("close", resolve));
  const stream = new MessageStream(socket, { message: () => {}, failed: () => {} });
  stream.send(encodeGreeting({}));
  stream.send(encodeMessage(message("bob", "alice", { type: "ephemeral", text: "passed on" })));
  stream.send(encodeMessage(message("bob", "alice", { type: "sync", text: "forged" })));
  stream.send(encodeMessage(message("mallory", "alice", { type: "sync", text: "too late" })));
  const [alice] = group.peers;
  assertEquals(await alice.next(), "+ mallory ");
  assertEquals(await alice.next(), "bob: passed on");
  assertEquals(await alice.next(), "error Cannot understand a peer: want messages of its own, got one of bob");
  assertEquals(await alice.next(), "- mallory");
  await within(ended, "mallory to be sent away");
});

Deno.test("a message that is too large is told of, and the connection goes on", async () => {
  await using relay = await startRelay();
  await using group = new Group(new Peer("alice", relay.url, TEAM), new Peer("bob", relay.url, TEAM));
  const [alice, bob] = group.peers;
  await alice.next("+ bob");
  await bob.next("+ alice");
  alice.adapter.send(message("alice", "bob", { data: new Uint8Array(256 * 1024 * 1024) }));
  assert((await alice.next()).startsWith("error Cannot send a message: want at most 268435456 bytes, got "));
  alice.say("bob", "smaller");
  assertEquals(await bob.next(), "alice: smaller");
});

Deno.test("alone, a repo may ask after 3 seconds", async () => {
  const { relay, adapter } = await introduced();
  relay.clock.pass(2_999);
  assert(!adapter.isReady());
  relay.clock.pass(1);
  assert(adapter.isReady());
  await adapter.whenReady();
});

Deno.test("with others, a repo may ask when all of them have answered", async () => {
  const { relay, adapter } = await introduced("bob", "carol");
  const [bob, carol] = relay.connections;
  bob.receive(GREETING);
  assert(!adapter.isReady());
  carol.receive(GREETING);
  assert(adapter.isReady());
});

Deno.test("a disconnected adapter keeps nobody waiting, hears nothing and has no timer", async () => {
  const { relay, adapter } = await introduced("bob");
  const heard: string[] = [];
  adapter.on("peer-candidate", ({ peerId }) => heard.push(peerId)).on("message", ({ type }) => heard.push(type));
  adapter.disconnect();
  relay.connection.receive(GREETING);
  await within(adapter.whenReady(), "the adapter to be ready");
  assertEquals(heard, []);
  assertEquals(relay.clock.pending, 0);
});

Deno.test("a peer that was met about several documents is lost once when the adapter disconnects", async () => {
  const { relay, adapter } = await introduced("bob");
  const told: string[] = [];
  adapter.on("peer-candidate", ({ peerId }) => told.push(`+ ${peerId}`));
  adapter.on("peer-disconnected", ({ peerId }) => told.push(`- ${peerId}`));
  adapter.join("second");
  await relay.introduce("bob", "second");
  relay.connection.open();
  assertEquals(relay.connections.length, 2);
  for (const socket of relay.connections) socket.receive(GREETING);
  adapter.disconnect();
  await turn();
  assertEquals(told, ["+ bob", "- bob"]);
});

Deno.test("a listener that throws does not keep the adapter from leaving", async () => {
  const { relay, adapter } = await introduced("bob");
  adapter.on("peer-disconnected", () => {
    throw new Error("mine");
  });
  relay.connection.receive(GREETING);
  assertThrows(() => adapter.disconnect(), Error, "mine");
  await turn();
  assertEquals([relay.introduction.closedWith, relay.connection.closedWith], [1000, 1000]);
});

Deno.test("misuse is told at once", () => {
  const url = "ws://relay";
  assertThrows(() => new RelayNetworkAdapter({ url: "" }), TypeError, "want a url");
  assertThrows(() => new RelayNetworkAdapter({ url, channel: "" }), TypeError, "want at least 1 byte");
  assertThrows(() => new RelayNetworkAdapter({ url, minRetryDelay: 0 }), TypeError, "want minRetryDelay");
  assertThrows(() => new RelayNetworkAdapter({ url }).join("automerge:"), TypeError, "want at least 1 byte");
  const adapter = new RelayNetworkAdapter({ url });
  for (let i = 0; i < 10_000; i++) adapter.join(`${i}`);
  assertThrows(() => adapter.join("one more"), TypeError, "want at most 10000, got one more");
});

/** An adapter, with what it tells its repo as lines. */
class Peer {
  readonly peerId: PeerId;
  readonly adapter: RelayNetworkAdapter;
  /** The documents about which somebody greeted it. */
  readonly greetings = new Inbox<string>();
  readonly #lines = new Inbox<string>();

  constructor(peerId: string, url: string, options: Partial<RelayNetworkAdapterOptions> = {}) {
    this.peerId = peerId as PeerId;
    const onError = ({ message }: Error) => this.#lines.push(`error ${message}`);
    this.adapter = new RelayNetworkAdapter({ url, onError, WebSocket: listening(this.greetings), ...options })
      .on(
        "peer-candidate",
        ({ peerId, peerMetadata }) => this.#lines.push(`+ ${peerId} ${peerMetadata.storageId ?? ""}`),
      )
      .on("peer-disconnected", ({ peerId }) => this.#lines.push(`- ${peerId}`))
      .on("message", (message) => this.#lines.push(`${message.senderId}: ${(message as Said).text}`));
    this.connect();
  }

  connect(): void {
    this.adapter.connect(this.peerId, { storageId: `on ${this.peerId}'s disk` as StorageId });
  }

  say(peerId: string, text: string): void {
    this.adapter.send(message(this.peerId, peerId, { text }));
  }

  /** The next thing it tells, or the next of which this is the beginning. */
  async next(line = ""): Promise<string> {
    return await this.#lines.next(line, (told) => told.startsWith(line));
  }
}

/** Adapters that are disconnected when the test is over. */
class Group implements AsyncDisposable {
  readonly peers: Peer[];

  constructor(...peers: Peer[]) {
    this.peers = peers;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const { adapter } of this.peers) adapter.disconnect();
    return Promise.resolve();
  }
}

interface Said extends Message {
  text: string;
}

function message(senderId: string, targetId: string, fields: Partial<Said>): Message {
  return { type: "test", senderId: senderId as PeerId, targetId: targetId as PeerId, ...fields };
}

/** Tells the document of each connection on which the other side has said something. */
function listening(greetings: Inbox<string>): WebSocketClass {
  return class extends WebSocket {
    readonly #documents = new Map<number, string>();

    constructor(url: string) {
      super(url);
      this.binaryType = "arraybuffer";
      const document = /\/connection\/.*\/(.*)$/.exec(url)?.[1];
      if (document !== undefined) this.addEventListener("message", () => greetings.push(document), { once: true });
      else this.addEventListener("message", ({ data }) => data instanceof ArrayBuffer && this.#hear(data));
    }

    override send(data: string | Uint8Array<ArrayBuffer>): void {
      super.send(data);
      const isRecords = typeof data !== "string" && new URL(this.url).pathname.startsWith("/introduction/");
      const record = isRecords ? new RecordReader(data) : undefined;
      while (record?.next()) {
        if (record.kind === KIND.open) this.#documents.set(record.stream, record.opening.documentId);
      }
    }

    #hear(data: ArrayBuffer): void {
      const record = new RecordReader(new Uint8Array(data));
      while (record.next()) {
        const document = record.kind === KIND.data ? this.#documents.get(record.stream) : undefined;
        if (document === undefined) continue;
        this.#documents.delete(record.stream);
        greetings.push(document);
      }
    }
  };
}

/** An adapter in the hands of the test, with an open connection to each of these, who have not greeted it yet. */
async function introduced(...peers: string[]): Promise<{ relay: FakeRelay; adapter: RelayNetworkAdapter }> {
  const relay = new FakeRelay();
  const options = { url: "ws://relay", channel: "doc", WebSocket: relay.WebSocket };
  const adapter = new RelayNetworkAdapter(options, relay.environment);
  adapter.connect("alice" as PeerId);
  await turn();
  relay.introduction.open();
  for (const peer of peers) await relay.introduce(peer);
  relay.connections.forEach((socket) => socket.open());
  return { relay, adapter };
}

function connection(client: Client): Promise<PeerSocket> {
  return within(new Promise((resolve) => client.once("peer.connect", ({ socket }) => resolve(socket))), "a connection");
}
