/**
 * Released clients, unchanged and in processes of their own, meet and talk through this relay: each generation with its
 * own kind and with the other.
 */
import { assert, assertEquals, equal } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { Population, untilReady } from "../helpers/population.ts";
import { startRelay } from "../helpers/process.ts";
import { withProgram } from "../helpers/programs.ts";
import { type Data, type Generation, ReleasedClient } from "../helpers/released.ts";
import { VARIANTS } from "../helpers/transports.ts";

/** How a socket that outlived its client's reconnect comes to its end. */
type LateEnd = "hangs up" | "is killed";

const DOCUMENT = "ambitious-mongoose";
const MESSAGES = 20;

interface Combination {
  readonly first: Generation;
  readonly second: Generation;
  readonly lateEnd: LateEnd;
}

const PAIRS: Combination[] = [
  { first: 3, second: 3, lateEnd: "hangs up" },
  { first: 4, second: 4, lateEnd: "is killed" },
  { first: 3, second: 4, lateEnd: "is killed" },
  { first: 4, second: 3, lateEnd: "hangs up" },
  { first: 4.1, second: 4.1, lateEnd: "hangs up" },
  { first: 4.1, second: 4, lateEnd: "is killed" },
];

for (const transport of ["deno", "tcp"]) {
  for (const pair of PAIRS) {
    behaviours(transport, pair, async () => {
      const relay = await startRelay(["--transport", transport]);
      return new Meeting(relay, () => relay.url);
    });
  }
}

for (const { name, flags } of VARIANTS.filter(({ isTls }) => isTls)) {
  const [first, second] = [{ generation: 3, userName: "alice" }, { generation: 4, userName: "bob" }] as const;
  Deno.test(`${name}: v3 and v4 clients are introduced and hear each other unchanged and in order`, async () => {
    await using relay = await startRelay([...flags]);
    const meeting = new Meeting(relay, () => relay.url);
    await using a = await start(meeting, first);
    await using b = await start(meeting, second);
    await meet(a, b);
    await Promise.all([talk(a, b, "from alice"), talk(b, a, "from bob")]);
  });
}

for (const transport of ["deno", "tcp"]) {
  // On Node, a refusal of a connection by HTTP ends its process.
  Deno.test(`${transport}: v4 clients survive a relay that is full: their connections are closed with 1013`, async () => {
    await using relay = await startRelay(["--transport", transport, "--max-connections", "2"]);
    const meeting = new Meeting(relay, () => relay.url);
    await using a = await start(meeting, { generation: 4, userName: "alice" });
    await using b = await start(meeting, { generation: 4, userName: "bob" });
    for (const client of [a, b]) await client.join(DOCUMENT);
    await Promise.all([a, b].map((client) => client.next("peer.close", CLOSE.full)));
    await Promise.all([a, b].map(assertLives));
  });

  Deno.test(`${transport}: v4 clients survive a relay that drains: nobody is introduced any more`, async () => {
    await using relay = await startRelay(["--transport", transport, "--drain-timeout", "20"]);
    const meeting = new Meeting(relay, () => relay.url);
    await using a = await start(meeting, { generation: 4, userName: "alice" });
    await using b = await start(meeting, { generation: 4, userName: "bob" });
    await a.join(DOCUMENT);
    relay.signal("SIGTERM");
    await untilReady(relay, 503);
    await b.join(DOCUMENT);
    await Promise.all([a, b].map((client) => client.next("server.close", CLOSE.restarting)));
    await Promise.all([a, b].map(assertLives));
  });
}

withProgram("nats-server", () => {
  for (const pair of PAIRS) {
    behaviours("two instances", pair, async () => {
      const population = await Population.start(2, ["--transport", "tcp"]);
      const [first, second] = population.relays;
      return new Meeting(population, (userName) => (userName === "bob" ? second : first).url);
    });
  }
});

function behaviours(stage: string, { first, second, lateEnd }: Combination, open: () => Promise<Meeting>): void {
  const alice = { generation: first, userName: "alice" };
  const bob = { generation: second, userName: "bob" };
  const carol = { generation: second, userName: "carol" };
  const names = `${stage}: v${first} and v${second}`;

  Deno.test(`${names} clients are introduced and hear each other unchanged and in order`, async () => {
    await using relay = await open();
    await using a = await start(relay, alice);
    await using b = await start(relay, bob);
    await meet(a, b);
    await Promise.all([talk(a, b, "from alice"), talk(b, a, "from bob")]);
  });

  Deno.test(`${names} clients hear a hang-up, and what one says before the other is back arrives first`, async () => {
    await using relay = await open();
    await using a = await start(relay, alice);
    await using b = await start(relay, bob);
    await meet(a, b);
    await a.disconnectPeer("bob");
    await Promise.all([
      a.next("peer.disconnect", { userName: "bob" }),
      b.next("peer.disconnect", { userName: "alice" }),
    ]);

    b.signal("SIGSTOP");
    await a.join(DOCUMENT);
    await a.next("peer.connect", { userName: "bob" });
    const said = await say(a, b, "while bob sleeps");
    b.signal("SIGCONT");
    assertSame(await hear(b, a), said);
    await talk(b, a, "awake");
  });

  Deno.test(`${names} clients hear that the other vanished`, async () => {
    await using relay = await open();
    await using a = await start(relay, alice);
    await using b = await start(relay, bob);
    await meet(a, b);
    await kill(a);
    await b.next("peer.close", { userName: "alice", ...CLOSE.peerLost });
    await b.next("peer.disconnect", { userName: "alice" });
  });

  Deno.test(`${names} clients meet again after a reconnect, and nothing is lost when the old socket ${lateEnd}`, async () => {
    await using relay = await open();
    await using stale = await start(relay, alice);
    await using b = await start(relay, bob);
    await meet(stale, b);
    stale.signal("SIGSTOP");

    await using a = await start(relay, alice);
    await a.join(DOCUMENT);
    await b.next("peer.disconnect", { userName: "alice" });
    await connected(a, b);

    await end(stale, lateEnd);
    await using c = await start(relay, carol);
    await c.join(DOCUMENT);
    await connected(a, c);
    await Promise.all([talk(a, b, "to bob"), talk(b, a, "from bob"), talk(a, c, "to carol"), talk(c, a, "from carol")]);
  });
}

/** Where clients meet, and which of its instances each comes to. */
class Meeting implements AsyncDisposable {
  constructor(readonly place: AsyncDisposable, readonly urlFor: (userName: string) => string) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]();
  }
}

async function start(relay: Meeting, who: { generation: Generation; userName: string }): Promise<ReleasedClient> {
  const client = await ReleasedClient.start({ ...who, url: relay.urlFor(who.userName) });
  await client.next("server.connect");
  return client;
}

async function meet(a: ReleasedClient, b: ReleasedClient): Promise<void> {
  await a.join(DOCUMENT);
  await b.join(DOCUMENT);
  await connected(a, b);
}

async function connected(a: ReleasedClient, b: ReleasedClient): Promise<void> {
  await Promise.all([
    a.next("peer.connect", { userName: b.userName, documentId: DOCUMENT }),
    b.next("peer.connect", { userName: a.userName, documentId: DOCUMENT }),
  ]);
}

/** Says twenty messages and expects the same on the other side: bytes, types and order. */
async function talk(from: ReleasedClient, to: ReleasedClient, topic: string): Promise<void> {
  const said = await say(from, to, topic);
  assertSame(await hear(to, from), said);
}

async function say(from: ReleasedClient, to: ReleasedClient, topic: string): Promise<Data[]> {
  const said = Array.from({ length: MESSAGES }, (_, index) => message(topic, index));
  for (const data of said) await from.send(to.userName, DOCUMENT, data);
  return said;
}

async function hear(to: ReleasedClient, from: ReleasedClient): Promise<Data[]> {
  const heard: Data[] = [];
  while (heard.length < MESSAGES) {
    heard.push((await to.next("message", { userName: from.userName, documentId: DOCUMENT })).data);
  }
  return heard;
}

/** Types and lengths first: a difference between long messages themselves would fill the screen. */
function assertSame(heard: Data[], said: Data[]): void {
  assertEquals(heard.map(outline), said.map(outline));
  for (const [index, data] of said.entries()) assert(equal(heard[index], data), `message ${index} changed on its way`);
}

function outline(data: Data): string {
  return typeof data === "string" ? `text of ${data.length} characters` : `binary of ${data.length} bytes`;
}

/** Text and binary in turn, from empty to 100 KB: every size of frame header. */
function message(topic: string, index: number): Data {
  const text = `${topic} 🎉 `.repeat((index >> 1) ** 4);
  return index % 2 === 0 ? text : Uint8Array.from(new TextEncoder().encode(text), (byte) => byte ^ 0xff);
}

/** A process that has ended answers nothing. */
async function assertLives(client: ReleasedClient): Promise<void> {
  await client.send("nobody", DOCUMENT, "hello");
  await client.next("error", { message: `Cannot send to nobody about ${DOCUMENT}: want a connected peer` });
}

async function end(stale: ReleasedClient, how: LateEnd): Promise<void> {
  if (how === "is killed") return await kill(stale);
  await stale.disconnectServer();
  stale.signal("SIGCONT");
  await stale.next("server.close");
}

async function kill(client: ReleasedClient): Promise<void> {
  client.signal("SIGKILL");
  await client.exited;
}
