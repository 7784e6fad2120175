/** The provider alone: its peers, their network and time are in the hands of the test. */

import { assertEquals, assertThrows } from "@std/assert";
import { Awareness, modifyAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import type { PeerData, PeerSocket } from "../../src/client/mod.ts";
import { MessageStream } from "../../src/message_stream.ts";
import { decode, encode, KIND, type Kind, type Message } from "../../src/yjs/messages.ts";
import { RelayProvider, type RelayProviderOptions, type SyncStatus } from "../../src/yjs/mod.ts";
import { FakeRelay, type FakeSocket, turn } from "../client/fake_relay.ts";

const { ask, answer, update, awareness, synced } = KIND;
const NOTHING = new Uint8Array();

Deno.test("provider: it tells whether the relay is there, also of what it does by itself", async () => {
  using scene = new Scene({ connect: false });
  assertEquals([scene.provider.status, ...scene.diary], ["disconnected"]);
  scene.provider.connect();
  scene.provider.connect();
  await scene.open();
  scene.relay.introduction.end();
  await turn();
  await scene.relay.pass(500);
  await scene.open();
  scene.provider.disconnect();
  scene.provider.disconnect();
  await turn();
  const [once, lost] = [["connecting", "connected"], ["disconnected"]];
  assertEquals(scene.diary, [...once, ...lost, ...once, ...lost]);
  assertEquals(scene.relay.introductions.map(({ closedWith }) => closedWith), [undefined, 1000]);
});

Deno.test("provider: it asks for one socket for everything, unless it is told not to", async () => {
  for (const [options, query] of [[{}, "?protocol=5"], [{ multiplex: false }, ""]] as const) {
    using scene = await Scene.open(options);
    assertEquals(scene.relay.introduction.url, `ws://relay/introduction/alice${query}`);
  }
});

Deno.test("provider: it is synced when all have told all and one of them is, until nobody can tell any more", async () => {
  using scene = await Scene.open();
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  bob.says(answer, stateOf("from bob"));
  bob.says(synced, NOTHING);
  assertEquals([scene.provider.synced, scene.text], [false, "from bob"]);
  eve.says(answer, stateOf(""));
  await scene.meet("a newcomer");
  assertEquals(scene.provider.synced, true);
  await bob.leaves();
  scene.relay.introduction.end();
  await turn();
  assertEquals(scene.provider.synced, true);
  await eve.leaves();
  assertEquals(scene.synced, ["synced true", "sync true", "synced false", "sync false"]);
});

Deno.test("provider: whoever is reached by the relay and introduced to nobody within a moment is synced", async () => {
  using scene = new Scene();
  await turn();
  await scene.relay.pass(9_000);
  assertEquals(scene.provider.synced, false);
  await scene.open();
  await scene.relay.pass(1_999);
  assertEquals(scene.provider.synced, false);
  await scene.relay.pass(1);
  assertEquals(scene.provider.synced, true);
  const bob = await scene.meet("bob");
  bob.says(answer, stateOf(""));
  await bob.leaves();
  assertEquals(scene.synced, ["synced true", "sync true"]);
});

Deno.test("provider: whoever waits for somebody to whom it was introduced is not alone", async () => {
  using scene = await Scene.open();
  await scene.relay.introduce("bob");
  await scene.relay.pass(3_000);
  assertEquals(scene.provider.synced, false);
  scene.relay.connection.end(); // he is gone
  await scene.relay.pass(1_000);
  assertEquals(scene.provider.synced, true);
});

Deno.test("provider: of peers who are not synced, the one with the smallest name is first, and seeds before it says so", async () => {
  using scene = await Scene.open();
  scene.provider.on("sync", () => scene.text === "" && scene.write("seed"));
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  for (const peer of [bob, eve]) peer.asks();
  bob.says(answer, stateOf(""));
  await scene.relay.pass(2_000);
  assertEquals(scene.provider.synced, false);
  eve.says(answer, stateOf(""));
  assertEquals(scene.provider.synced, true);
  assertEquals([bob.hears(), bob.text], [[ask, answer, awareness, update], "seed"]);
  await scene.relay.pass(500);
  const ned = await scene.meet("ned");
  ned.asks();
  assertEquals([bob.hears(), ned.hears()], [[synced], [ask, answer, awareness, synced]]);
});

Deno.test("provider: whoever has a larger name waits for the one with the smallest, though not for ever", async () => {
  using scene = await Scene.open({ userName: "zoe" });
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  for (const peer of [bob, eve]) peer.says(answer, stateOf(""));
  await scene.relay.pass(10_000);
  assertEquals(scene.provider.synced, false);
  bob.says(update, stateOf("seed"));
  bob.says(synced, NOTHING);
  assertEquals([scene.provider.synced, scene.text], [true, "seed"]);
  using other = await Scene.open({ userName: "zoe" });
  (await other.meet("bob")).says(answer, stateOf(""));
  await other.relay.pass(17_000);
  assertEquals(other.provider.synced, true);
});

Deno.test("provider: it does not wait for who is silent, but for who speaks", async () => {
  using scene = await Scene.open();
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  await scene.meet("a ghost");
  bob.says(answer, stateOf(""));
  eve.asks();
  await scene.relay.pass(5_000);
  assertEquals(scene.provider.synced, false);
  eve.says(answer, stateOf(""));
  assertEquals(scene.provider.synced, true);
});

Deno.test("provider: it waits for who was silent, once he speaks", async () => {
  using scene = await Scene.open({ userName: "zoe" });
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  bob.says(answer, stateOf(""));
  await scene.relay.pass(5_000);
  eve.asks();
  bob.says(synced, NOTHING);
  assertEquals(scene.provider.synced, false);
  eve.says(answer, stateOf(""));
  assertEquals(scene.provider.synced, true);
});

Deno.test("provider: a peer is told nothing before it asks, and then all that it lacks and all that follows", async () => {
  using scene = await Scene.open();
  const bob = await scene.meet("bob");
  scene.write("a");
  scene.provider.awareness.setLocalState({ name: "alice!" });
  assertEquals(bob.hears(), [ask]);
  bob.asks();
  assertEquals([bob.hears(), bob.text], [[answer, awareness], "a"]);
  scene.write("b");
  assertEquals([bob.hears(), bob.text], [[update], "ba"]);
});

Deno.test("provider: who reads slowly is told at once, when he has caught up, all that has changed", async () => {
  using scene = await Scene.open();
  const bob = await scene.meet("bob");
  bob.asks();
  bob.hears();
  scene.write("x".repeat(6_000_000));
  for (const words of ["d", "c", "b", "a"]) scene.write(words);
  scene.doc.getText().delete(1, 1);
  scene.provider.awareness.setLocalState({ name: "alice!" });
  scene.provider.awareness.setLocalState({ name: "alice!!" });
  assertEquals(bob.hears(), [update, answer, awareness]);
  assertEquals([bob.text.length, bob.text.slice(0, 4)], [6_000_003, "acdx"]);
  scene.write("x".repeat(6_000_000));
  assertEquals(bob.hears(), [update]);
  scene.write("x".repeat(6_000_000));
  for (let i = 0; i < 3; i++) bob.asks();
  assertEquals(bob.hears(), [update, answer, awareness]);
});

Deno.test("provider: what a peer tells is passed on, but neither back to it nor to who has it", async () => {
  using scene = await Scene.open();
  const [bob, eve, ned] = [await scene.meet("bob"), await scene.meet("eve"), await scene.meet("ned")];
  const state = stateOf("from bob");
  Y.applyUpdate(ned.doc, state);
  for (const peer of [bob, eve, ned]) peer.asks();
  for (const peer of [bob, eve, ned]) peer.hears();
  bob.says(update, state);
  assertEquals([bob.hears(), eve.hears(), ned.hears()], [[], [update], []]);
  assertEquals(eve.text, "from bob");
});

Deno.test("provider: what the application writes when it hears of an update goes to everyone", async () => {
  using scene = await Scene.open();
  const bob = await scene.meet("bob");
  bob.asks();
  scene.doc.on("update", (_bytes, origin) => origin === scene.provider && scene.write("reply to "));
  bob.hears();
  bob.says(update, stateOf("bob"));
  assertEquals(bob.hears(), [update]);
});

Deno.test("provider: states of awareness are told by those whose they are, and by nobody else", async () => {
  using scene = await Scene.open();
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  for (const peer of [bob, eve]) peer.asks();
  for (const peer of [bob, eve]) peer.hears();
  bob.says(awareness, stateOfClient(7, "bob"));
  assertEquals([scene.names, bob.hears(), eve.hears()], [["alice", "bob"], [], []]);
  const ned = await scene.meet("ned");
  ned.asks();
  ned.hears();
  assertEquals(ned.names, ["alice"]);
  scene.provider.awareness.setLocalState({ name: "alice!" });
  assertEquals([bob.hears(), eve.hears()], [[awareness], [awareness]]);
  await bob.leaves();
  assertEquals([scene.names, eve.hears()], [["alice!"], []]);
});

Deno.test("provider: states of awareness go with their peer, unless another tells of them, and come back with it", async () => {
  using scene = await Scene.open();
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  bob.says(awareness, stateOfClient(7, "bob"));
  bob.says(awareness, stateOfClient(8, "both"));
  eve.says(awareness, stateOfClient(8, "both!", 2));
  await bob.leaves();
  assertEquals(scene.names, ["alice", "both!"]);
  (await scene.meet("bob")).says(awareness, stateOfClient(7, "bob"));
  assertEquals(scene.names, ["alice", "both!", "bob"]);
});

Deno.test("provider: an exception of a listener is reported, and not held against the peer", async () => {
  using scene = await Scene.open();
  const bob = await scene.meet("bob");
  const uncaught: string[] = [];
  const report = (event: ErrorEvent) => (event.preventDefault(), uncaught.push(event.error.message));
  globalThis.addEventListener("error", report);
  scene.doc.getText().observe(() => {
    throw new Error("mine");
  });
  bob.says(answer, stateOf("a"));
  bob.says(synced, NOTHING);
  await turn();
  globalThis.removeEventListener("error", report);
  assertEquals([uncaught, scene.errors, bob.socket.closedWith], [["mine"], [], undefined]);
  assertEquals(scene.provider.synced, true);
  bob.says(update, new Uint8Array([9]));
  assertEquals([scene.errors.length, bob.socket.closedWith], [1, 1000]);
});

Deno.test("provider: a question that makes no sense is found when it is asked, also by who reads nothing", async () => {
  using scene = await Scene.open();
  const [mallory, bob] = [await scene.meet("mallory"), await scene.meet("bob")];
  for (const peer of [mallory, bob]) peer.asks();
  scene.write("x".repeat(6_000_000));
  mallory.says(ask, new Uint8Array([9]));
  assertEquals([scene.errors.length, mallory.socket.closedWith], [1, 1000]);
  bob.hears();
  scene.write("all others hear of what follows: ");
  bob.hears();
  assertEquals(bob.text, scene.text);
});

Deno.test("provider: an update that Yjs cannot take in is told, and is held against nobody", async () => {
  using scene = await Scene.open();
  const bob = await scene.meet("bob");
  // Client 7 inserts "x" behind a character of its own that is yet to come.
  bob.says(update, new Uint8Array([1, 1, 7, 0, 0x84, 7, 5, 1, 120, 0]));
  assertEquals([scene.errors.length, bob.socket.closedWith], [1, undefined]);
  bob.says(update, stateOf("a"));
  assertEquals(scene.text, "a");
});

Deno.test("provider: a listener of the awareness that throws does not keep it from ending", async () => {
  const scene = await Scene.open();
  const bob = await scene.meet("bob");
  bob.says(awareness, stateOfClient(7, "bob"));
  const report = (event: ErrorEvent) => event.preventDefault();
  globalThis.addEventListener("error", report);
  scene.provider.awareness.on("change", ({ removed }: { removed: number[] }) => {
    if (removed.length > 0) throw new Error("mine");
  });
  scene.provider.destroy();
  await turn();
  globalThis.removeEventListener("error", report);
  assertEquals([scene.relay.clock.pending, scene.diary.at(-1)], [0, "disconnected"]);
  assertEquals(scene.relay.sockets.map(({ closedWith }) => closedWith), [1000, 1000]);
});

Deno.test("provider: a listener may connect or disconnect when it is told of the opposite", async () => {
  using scene = new Scene({ connect: false });
  const { provider, diary } = scene;
  provider.once("status", () => provider.disconnect());
  provider.connect();
  await turn();
  assertEquals([provider.status, diary], ["disconnected", ["connecting", "disconnected"]]);
  provider.connect();
  await scene.open();
  provider.once("status", () => provider.connect());
  provider.disconnect();
  assertEquals([provider.status, provider.shouldConnect], ["connecting", true]);
});

Deno.test("provider: when it is destroyed, no timer, listener or socket is left", async () => {
  const scene = await Scene.open();
  const [bob, ghost] = [await scene.meet("bob"), await scene.meet("a ghost")];
  bob.says(answer, stateOf(""));
  scene.provider.disconnect();
  bob.says(update, stateOf("too late"));
  ghost.socket.receive("nonsense");
  assertEquals([scene.text, scene.errors], ["", []]);
  scene.provider.destroy();
  await turn();
  assertEquals([scene.relay.clock.pending, scene.relay.network.count], [0, 0]);
  assertEquals(scene.relay.sockets.map(({ closedWith }) => closedWith), [1000, 1000, 1000]);
  assertEquals(scene.diary.at(-1), "disconnected");
  assertEquals(scene.provider.awareness.getLocalState(), null);
  assertEquals(listenersOf(scene.doc), [...listenersOf(new Y.Doc()), "destroy: 1"]); // of y-protocols, for good
  assertThrows(() => scene.provider.connect(), Error, "Cannot connect: want a provider that lives");
});

Deno.test("provider: whoever was not told all when it is destroyed is waited for while he reads, and nobody else", async () => {
  const scene = await Scene.open();
  const [bob, eve] = [await scene.meet("bob"), await scene.meet("eve")];
  bob.asks();
  scene.write("x".repeat(12_000_000));
  scene.provider.destroy();
  await turn();
  assertEquals([bob.socket.closedWith, eve.socket.closedWith], [undefined, 1000]);
  const ned = await scene.meet("ned");
  assertEquals(ned.socket.closedWith, 1000);
  await scene.relay.pass(9_000);
  bob.hears();
  assertEquals([bob.text.length, bob.socket.closedWith], [12_000_000, 1000]);
  assertEquals(scene.relay.clock.pending, 0);
  const other = await Scene.open();
  const ghost = await other.meet("a ghost");
  ghost.asks();
  other.write("x".repeat(12_000_000));
  other.provider.destroy();
  await other.relay.pass(10_000);
  assertEquals([ghost.socket.closedWith, other.relay.clock.pending], [1000, 0]);
});

Deno.test("provider: it ends with its document, and leaves an awareness alone that was given to it", async () => {
  const doc = new Y.Doc();
  const shared = new Awareness(new Y.Doc());
  const scene = await Scene.open({ awareness: shared }, doc);
  doc.destroy();
  assertEquals(scene.provider.status, "disconnected");
  assertEquals([listenersOf(doc), listenersOf(shared)], [[], []]);
  assertEquals(shared.getLocalState(), { name: "alice" });
  shared.destroy();
});

Deno.test("provider: what applications made for y-websocket look at is there", async () => {
  using scene = new Scene();
  const { provider } = scene;
  const looks = () => [provider.shouldConnect, provider.wsconnecting, provider.wsconnected];
  assertEquals([provider.roomname, ...looks()], ["doc", true, true, false]);
  await scene.open();
  assertEquals(looks(), [true, false, true]);
  provider.disconnect();
  assertEquals(looks(), [false, false, false]);
  provider.connect();
  assertEquals(looks(), [true, true, false]);
  using waiting = new Scene({ connect: false });
  assertEquals(waiting.provider.shouldConnect, false);
});

Deno.test("provider: a listener for an event that there is none of is taken and never called", async () => {
  using scene = await Scene.open();
  const provider = scene.provider as unknown as Record<"on" | "once" | "off", (event: string, f?: unknown) => unknown>;
  const never = () => {
    throw new Error("want no call");
  };
  for (const event of ["peers", "closed", "destroy", "constructor"]) {
    for (const method of ["on", "once", "off"] as const) assertEquals(provider[method](event, never), provider);
    assertEquals(provider.off(event), provider);
  }
});

Deno.test("provider: it tells how the connection to the relay was closed, and null when it was closed here", async () => {
  using scene = await Scene.open();
  const { provider } = scene;
  const closes: unknown[] = [];
  provider.on("connection-close", (close, of) => closes.push(close, of === provider, provider.status));
  scene.relay.introduction.end(1012);
  await turn();
  provider.on("connection-close", () => provider.disconnect()); // as there, that is no loop
  provider.disconnect();
  await turn();
  const close = { code: 1012, reason: "", wasClean: true };
  assertEquals(closes, [close, true, "connected", null, true, "disconnected"]);
});

Deno.test("provider: whoever sets shouldConnect to false when the connection is lost has it stay so", async () => {
  using scene = await Scene.open();
  scene.provider.once("connection-close", () => scene.provider.shouldConnect = false);
  scene.relay.introduction.end();
  await turn();
  await scene.relay.pass(60_000);
  assertEquals([scene.relay.introductions.length, scene.provider.status], [1, "disconnected"]);
  scene.provider.connect();
  await turn();
  scene.provider.shouldConnect = false;
  await scene.relay.pass(60_000);
  assertEquals([scene.relay.introductions.length, scene.provider.status], [2, "disconnected"]);
});

Deno.test("provider: it tells in detail how synced it is", async () => {
  using scene = await Scene.open();
  const { provider } = scene;
  assertEquals(provider.syncStatus.status, "yellow");
  const told: SyncStatus[] = [];
  provider.on("sync-status", (status) => told.push(status));
  await scene.relay.pass(2_000);
  scene.write("nobody is there");
  await scene.relay.pass(100);
  const green = { connected: true, receivedInitialSync: true, localUpdatesSynced: true, localUpdatesAge: 0 };
  const yellow = { ...green, localUpdatesSynced: false, status: "yellow" };
  assertEquals<unknown>(provider.syncStatus, { ...yellow, localUpdatesAge: 100, lastMessageAge: 2_100 });
  const bob = await scene.meet("bob");
  bob.asks();
  await scene.relay.pass(30);
  assertEquals<unknown>(provider.syncStatus, { ...green, lastMessageAge: 30, status: "green" });
  scene.write("x".repeat(6_000_000)); // too much for one go
  bob.hears();
  provider.disconnect();
  assertEquals(told.map(({ status }) => status), ["green", "yellow", "green", "yellow", "green", "yellow", "red"]);
  scene.write("offline");
  assertEquals([told.length, provider.syncStatus.localUpdatesSynced], [8, false]);
});

Deno.test("provider: misuse is told at once, and starts nothing", () => {
  const doc = new Y.Doc();
  assertThrows(() => new RelayProvider("ftp://relay", "room", doc), TypeError, "want a url like");
  assertThrows(() => new RelayProvider("relay", "", doc), TypeError, 'Cannot use "" as an id');
  assertThrows(() => new RelayProvider("relay", "room", doc, { maxRetryDelay: 0 }), TypeError, "want maxRetryDelay");
  assertThrows(() => new RelayProvider("relay", "room", {} as Y.Doc), TypeError, "want a Doc of the copy of yjs that");
  assertEquals(listenersOf(doc), listenersOf(new Y.Doc()));
});

/** Alice's provider, and whoever she meets. */
class Scene {
  readonly relay = new FakeRelay();
  readonly doc: Y.Doc;
  readonly provider: RelayProvider;
  readonly diary: string[] = [];
  readonly synced: string[] = [];
  readonly errors: string[] = [];

  /** With the relay there. */
  static async open(options: RelayProviderOptions = {}, doc = new Y.Doc()): Promise<Scene> {
    const scene = new Scene(options, doc);
    await scene.open();
    return scene;
  }

  constructor(options: RelayProviderOptions = {}, doc = new Y.Doc()) {
    const { WebSocket, environment } = this.relay;
    const all = { WebSocket, userName: "alice", ...options };
    this.doc = doc;
    this.provider = new RelayProvider("ws://relay", "doc", doc, all, environment)
      .on("status", ({ status }) => this.diary.push(status))
      .on("synced", (isSynced) => this.synced.push(`synced ${isSynced}`))
      .on("sync", (isSynced) => this.synced.push(`sync ${isSynced}`))
      .on("connection-error", (error) => this.errors.push(error.message));
    this.provider.awareness.setLocalState({ name: "alice" });
  }

  get text(): string {
    return this.doc.getText().toString();
  }

  get names(): string[] {
    return [...this.provider.awareness.getStates().values()].map(({ name }) => name);
  }

  async open(): Promise<void> {
    await turn();
    this.relay.introduction.open();
    await turn();
  }

  async meet(userName: string): Promise<FakePeer> {
    await this.relay.introduce(userName);
    this.relay.connection.open();
    await turn();
    return new FakePeer(this.relay.connection);
  }

  write(words: string): void {
    this.doc.getText().insert(0, words);
  }

  [Symbol.dispose](): void {
    this.provider.destroy();
  }
}

/** Someone in the same room, who says only what the test says, and hears only when the test wants it. */
class FakePeer {
  readonly doc = new Y.Doc();
  /** In all states of awareness that it has heard. */
  readonly names: string[] = [];
  readonly socket: FakeSocket;
  readonly #stream: MessageStream;
  #hear: (data: PeerData) => void = () => {};
  #messages: Message[] = [];
  #count = 0;

  constructor(socket: FakeSocket) {
    this.socket = socket;
    const otherEnd = {
      readyState: 1,
      send: (data: string | Uint8Array) => socket.receive(typeof data === "string" ? data : data.buffer),
      on: (_event: string, listener: (data: PeerData) => void) => this.#hear = listener,
    };
    this.#stream = new MessageStream(otherEnd as unknown as PeerSocket, {
      message: (bytes) => this.#messages.push(decode(bytes)),
      failed: (error) => {
        throw error;
      },
    });
  }

  get text(): string {
    return this.doc.getText().toString();
  }

  says(kind: Kind, body: Uint8Array): void {
    this.#stream.send(encode({ kind, body }));
  }

  asks(): void {
    this.says(ask, Y.encodeStateVector(this.doc));
  }

  /** The kinds of all messages since it heard last. Updates are taken over. */
  hears(): Kind[] {
    const { said } = this.socket;
    while (this.#count < said.length) {
      const data = said[this.#count++];
      this.#hear(typeof data === "string" ? data : data.buffer);
    }
    const messages = this.#messages;
    this.#messages = [];
    for (const { kind, body } of messages) {
      if (kind === answer || kind === update) Y.applyUpdate(this.doc, body);
      if (kind === awareness) modifyAwarenessUpdate(body, ({ name }) => this.names.push(name));
    }
    return messages.map(({ kind }) => kind);
  }

  async leaves(): Promise<void> {
    this.socket.end(1000);
    await turn();
  }
}

/** The state of a document with this text. */
function stateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText().insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/** One client's state of awareness, as bytes. */
function stateOfClient(client: number, name: string, clock = 1): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify({ name }));
  return new Uint8Array([1, client, clock, json.byteLength, ...json]);
}

/** How many listen for each event. */
function listenersOf({ _observers }: { _observers: Map<string, Set<unknown>> }): string[] {
  return [..._observers].map(([event, listeners]) => `${event}: ${listeners.size}`);
}
