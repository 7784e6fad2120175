/** Tokens that end while their holder is connected, on real sockets: what lives on, what is refused, what a new one gives. */

import { assertEquals } from "@std/assert";
// @ts-types="@types/jsonwebtoken"
import jwt from "jsonwebtoken";
import { Client, type PeerSocket, type RefusalError } from "../../src/client/mod.ts";
import { CLOSE } from "../../src/protocol.ts";
import { Server } from "../../src/server/mod.ts";
import { timedBy } from "../client/client_time.ts";
import { FakeClock } from "../helpers/fakes.ts";
import { assertNothingLeft } from "../helpers/nothing_left.ts";
import { Inbox, within } from "../helpers/process.ts";
import { type Variant, VARIANTS } from "../helpers/transports.ts";
import { webSocketTrusting } from "../helpers/trust.ts";
import { PlainClient, type PlainStream } from "./plain_client.js";

const SECRET = "a secret of at least thirty-two bytes";
const HOUR = 3_600;
/** Seconds of a token that is renewed in the test: fewer than those after which a client expects an answer of the relay. */
const SHORT = 2;

/** The time of day, which passes only when told to: the relay, in this process, tells by it whether a token is over. */
class TimeOfDay implements Disposable {
  readonly #real = Date.now;
  #now = Math.ceil(Date.now() / 1000) * 1000;

  constructor() {
    Date.now = () => this.#now;
  }

  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }

  [Symbol.dispose](): void {
    Date.now = this.#real;
  }
}

/** A relay in this process that wants JWTs. When it ends, nothing may be left of anything. */
class GuardedRelay implements AsyncDisposable {
  private constructor(readonly server: Server, readonly url: string) {}

  static async start({ config, isTls }: Variant): Promise<GuardedRelay> {
    const server = await new Server({ port: 0, host: "127.0.0.1", jwtSecret: SECRET, ...config }).listen();
    return new GuardedRelay(server, `${isTls ? "wss" : "ws"}://127.0.0.1:${server.port}`);
  }

  /** A client that says Token only when it is told to. */
  async client(peerId: string, token: string): Promise<PlainClient> {
    const client = new PlainClient(`${this.url}/t/${token}`, peerId, webSocketTrusting).connect(["doc"]);
    await within(client.until(() => client.welcome !== undefined), "a Welcome");
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    assertNothingLeft(this.server);
  }
}

for (const variant of VARIANTS) {
  Deno.test(`${variant.name}: when a token is over, streams live on, joins and opens are refused, and another gives them back`, async () => {
    using time = new TimeOfDay();
    await using relay = await GuardedRelay.start(variant);
    const alice = await relay.client("alice", tokenOf("alice", HOUR));
    const bob = await relay.client("bob", tokenOf("bob"));
    assertEquals([alice, bob].map(({ welcome }) => welcome!.expiresInSeconds), [HOUR, undefined]);
    const streams = [await opened(alice), await opened(bob)] as const;

    time.pass(HOUR - 1);
    assertEquals(await fateOfOpen(alice, bob, "in time"), "opened");
    time.pass(1);
    await exchange(streams, "behind the end");
    assertEquals(await fateOfOpen(alice, bob, "too late"), CLOSE.forbidden);
    alice.say({ type: "Join", join: ["too late"] });
    assertEquals(await said(alice, "Refusal"), { type: "Refusal", join: ["too late"], reason: "expired" });

    alice.say({ type: "Token", token: tokenOf("alice", 2 * HOUR) });
    await within(alice.until(() => alice.welcome!.expiresInSeconds === 2 * HOUR), "another Welcome");
    assertEquals(await fateOfOpen(alice, bob, "once more"), "opened");
    await exchange(streams, "as if nothing had been");

    alice.say({ type: "Token", token: tokenOf("alice", -1) });
    assertEquals(await within(alice.closed, "the end"), CLOSE.badToken);
    await within(bob.until(() => streams[1].close_ !== undefined), "the loss");
    assertEquals(streams[1].close_, CLOSE.peerLost);
    bob.leave();
    await bob.closed;
  });
}

for (const variant of VARIANTS.filter(({ isTls }) => !isTls)) {
  Deno.test(`${variant.name}: our client asks for another token before the end: nothing is lost, and joins go on`, async () => {
    using time = new TimeOfDay();
    await using relay = await GuardedRelay.start(variant);
    const { promise: renewed, resolve: renew } = Promise.withResolvers<void>();
    const seconds = [SHORT, HOUR];
    const token = () => {
      if (seconds.length === 1) renew();
      return Promise.resolve(tokenOf("alice", seconds.shift() ?? HOUR));
    };
    const clock = new FakeClock();
    const options = { url: relay.url, userName: "alice", documentIds: ["doc"], token };
    await using alice = new Client(options, timedBy(clock));
    await using bob = new Client({ url: relay.url, userName: "bob", documentIds: ["doc"], token: tokenOf("bob") });
    const errors: Error[] = [];
    alice.on("error", (error) => errors.push(error));
    const { pair, heard } = await talking(alice, bob);
    // It is said all the while that the token changes.
    let count = 0;
    const talk = setInterval(() => pair[0].send(`${count++}`), 5);
    clock.pass(SHORT * 1000);
    await within(renewed, "the client to ask again");
    // What it was given is said before all that follows.
    await new Promise((resolve) => setTimeout(resolve, 0));
    time.pass(2 * SHORT);
    const later = connected(alice, bob, "later");
    for (const client of [alice, bob]) client.join("later");
    await later;
    clearInterval(talk);
    for (let i = 0; i < count; i++) assertEquals(await heard.next("a word"), `${i}`);
    assertEquals(errors, []);
  });

  Deno.test(`${variant.name}: what our client was refused since its token was over is joined as soon as it has another`, async () => {
    using time = new TimeOfDay();
    await using relay = await GuardedRelay.start(variant);
    const seconds = [SHORT];
    const token = () => Promise.resolve(tokenOf("alice", seconds.shift() ?? HOUR));
    const clock = new FakeClock();
    const options = { url: relay.url, userName: "alice", documentIds: ["doc"], token };
    await using alice = new Client(options, timedBy(clock));
    await using bob = new Client({ url: relay.url, userName: "bob", documentIds: ["doc"], token: tokenOf("bob") });
    await talking(alice, bob);
    const refused = new Promise<Error>((resolve) => alice.once("error", resolve));
    const later = connected(alice, bob, "later");
    // As for a machine that slept when it should have asked for the next one.
    time.pass(SHORT);
    for (const client of [alice, bob]) client.join("later");
    assertEquals((await within(refused, "a refusal") as RefusalError).reason, "expired");
    clock.pass(SHORT * 1000);
    await later;
  });

  Deno.test(`${variant.name}: our client with a token that does not change is told what it does not get, and keeps what it has`, async () => {
    using time = new TimeOfDay();
    await using relay = await GuardedRelay.start(variant);
    const token = tokenOf("alice", HOUR);
    await using alice = new Client({ url: relay.url, userName: "alice", documentIds: ["doc"], token });
    await using bob = new Client({ url: relay.url, userName: "bob", documentIds: ["doc"], token: tokenOf("bob") });
    const { pair, heard } = await talking(alice, bob);
    time.pass(HOUR);
    const refused = new Promise<Error>((resolve) => alice.once("error", resolve));
    alice.join("later");
    const error = await within(refused, "a refusal") as RefusalError;
    assertEquals([error.documentIds, error.reason], [["later"], "expired"]);
    pair[0].send("still here");
    assertEquals(await heard.next("a word"), "still here");
  });
}

/** @param seconds How long it is good; left out: for ever. */
function tokenOf(sub: string, seconds?: number): string {
  const exp = seconds === undefined ? {} : { exp: Date.now() / 1000 + seconds };
  return jwt.sign({ sub, ...exp }, SECRET);
}

/** The stream that an introduction has opened. */
async function opened(client: PlainClient): Promise<PlainStream> {
  const find = () => [...client.streams.values()].find(({ isOpened }) => isOpened);
  await within(client.until(() => find() !== undefined), "a stream");
  return find()!;
}

/** What becomes of a stream that Alice opens, and Bob does, too. */
async function fateOfOpen(alice: PlainClient, bob: PlainClient, documentId: string): Promise<unknown> {
  const [mine, theirs] = [alice.open("bob", documentId), bob.open("alice", documentId)];
  await within(alice.until(() => mine.isOpened || mine.close_ !== undefined), "a fate");
  theirs.close(1000, "");
  return mine.isOpened ? "opened" : mine.close_;
}

async function exchange(streams: readonly PlainStream[], word: string): Promise<void> {
  for (const stream of streams) stream.send(word);
  for (const { client, messages } of streams) await within(client.until(() => messages.includes(word)), word);
}

async function said(client: PlainClient, type: string): Promise<unknown> {
  const find = () => client.said.find((message) => message.type === type);
  await within(client.until(() => find() !== undefined), type);
  return find();
}

/** Both ends of a conversation, once it is there. */
async function connected(alice: Client, bob: Client, document: string): Promise<[PeerSocket, PeerSocket]> {
  const ends = [alice, bob].map((client) =>
    new Promise<PeerSocket>((resolve) => {
      client.on("peer.connect", ({ documentId, socket }) => documentId === document && resolve(socket));
    })
  );
  return await within(Promise.all(ends), `a conversation about ${document}`) as [PeerSocket, PeerSocket];
}

/** A conversation about "doc" in which something has been said: both ends exist before the relay has joined them. */
async function talking(alice: Client, bob: Client): Promise<{ pair: [PeerSocket, PeerSocket]; heard: Inbox<unknown> }> {
  const pair = await connected(alice, bob, "doc");
  const heard = new Inbox<unknown>();
  pair[1].on("data", (message) => heard.push(message));
  pair[0].send("hello");
  assertEquals(await heard.next("a word"), "hello");
  return { pair, heard };
}
