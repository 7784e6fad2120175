/** Several relay processes over a real NATS server: what comes at the same instant, and what dies or freezes. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Peer } from "../helpers/peer.ts";
import { Population, untilReady } from "../helpers/population.ts";
import { type Listening, within } from "../helpers/process.ts";
import { withProgram } from "../helpers/programs.ts";
import { Chance } from "../soak/chance.ts";

const SEED = 7;
/** All have come to the relay when it happens: who goes on sending may miss the close code on this transport. */
const STREAMED = 600;

withProgram("nats-server", () => {
  Deno.test("500 times two peers join at the same instant on two instances, and each is introduced once", async () => {
    await using population = await Population.start(2);
    const [alice, bob] = await Promise.all(population.relays.map((relay, i) => enter(relay, ["alice", "bob"][i])));
    const documents = Array.from({ length: 500 }, (_, i) => `doc-${i}`);
    for (const id of documents) for (const peer of [alice, bob]) peer.say({ type: "Join", join: [id] });
    for (const [peer, other] of [[alice, "bob"], [bob, "alice"]] as const) {
      assertEquals((await heardOf(peer, other, documents.length)).toSorted(), documents.toSorted());
    }
    // Behind whatever else was said.
    alice.say({ type: "Join", join: ["the end"] });
    bob.say({ type: "Join", join: ["the end"] });
    for (const peer of [alice, bob]) assertEquals((await peer.heard() as Introduction).documentIds, ["the end"]);
    await hangUp(alice, bob);
  });

  Deno.test("500 times the two halves of a pair come at the same instant, and each is paired once", async () => {
    await using population = await Population.start(2);
    const documents = Array.from({ length: 500 }, (_, i) => `doc-${i}`);
    const pairs = await Promise.all(documents.map((id) => pairOf(population.relays, id)));
    await Promise.all(pairs.map(async ([alice, bob], i) => {
      alice.send(`alice-${i}`);
      bob.send(`bob-${i}`);
      assertEquals([await alice.next(), await bob.next()], [`bob-${i}`, `alice-${i}`]);
    }));
    for (const relay of population.relays) assertEquals(await counts(relay), { seekers: 0, pairs: 500 });
    await hangUp(...pairs.flat());
    for (const relay of population.relays) await until(relay, { seekers: 0, pairs: 0 });
  });

  Deno.test("200 times two Alices and two Bobs come to any of three instances, and one pair is left", async () => {
    await using population = await Population.start(3);
    const chance = new Chance(SEED);
    const trials = Array.from({ length: 200 }, (_, i) => duplicates(population, `doc-${i}`, chance.branch()));
    await hangUp(...(await Promise.all(trials)).flat());
    for (const relay of population.relays) await until(relay, { seekers: 0, pairs: 0 });
  });

  Deno.test("an operator sees in the metrics what crosses, and what was lost", async () => {
    await using population = await Population.start(2, ["--metrics"]);
    const [one, other] = population.relays;
    const [toBob] = await pairOf([one, other], "doc");
    const before = await scrape(one);
    assertEquals([before("relay_backplane_connected"), before("relay_remote_pairs")], [1, 1]);
    assert(before('relay_backplane_messages_total{direction="sent"}') > 0);
    assert(before('relay_backplane_bytes_total{direction="received"}') > 0);
    other.signal("SIGKILL");
    toBob.send("are you there?");
    await toBob.closed;
    const after = await scrape(one);
    assertEquals([after("relay_remote_pairs"), after('relay_backplane_resets_total{reason="unreachable"}')], [0, 1]);
  });

  // Who is killed is noticed before it would have to acknowledge what it was sent, who is frozen soon after that.
  const receiptSeconds = LIMITS.receiptMs / 1000;
  const deaths = [["killed", "SIGKILL", receiptSeconds], ["frozen", "SIGSTOP", 2 * receiptSeconds]] as const;
  for (const [what, signal, seconds] of deaths) {
    Deno.test(`the partners of an instance that is ${what} hear 1012, and its peers are found elsewhere`, async () => {
      await using population = await Population.start(3);
      const [one, other, third] = population.relays;
      await using alice = await enter(one, "alice");
      alice.say({ type: "Join", join: ["doc"] });
      const [toBob] = await pairOf([one, other], "doc");
      other.signal(signal);
      toBob.send("are you there?");
      assertEquals(
        await within(toBob.closed, `the partner of an instance that is ${what}`, seconds),
        CLOSE.backplaneLost,
      );
      await using bob = await enter(third, "bob");
      bob.say({ type: "Join", join: ["doc"] });
      assertEquals(await heardOf(bob, "alice", 1), ["doc"]);
      assertEquals(await heardOf(alice, "bob", 1), ["doc"]);
    });
  }

  Deno.test("when NATS is killed mid-stream, what has come is an exact prefix, and all is made good on its return", async () => {
    await using population = await Population.start(2);
    const [one, other] = population.relays;
    const [alice, bob] = await pairOf([one, other], "doc");
    const [carol, dave] = [await connect(one, "carol", "dave", "local"), await connect(one, "dave", "carol", "local")];
    const assertPrefix = await stream([alice, bob], one, () => population.nats.kill());
    assertEquals([await alice.closed, await bob.closed], [CLOSE.backplaneLost, CLOSE.backplaneLost]);
    await assertPrefix();

    for (const relay of population.relays) await untilReady(relay, 503);
    carol.send("still here");
    assertEquals(await dave.next(), "still here");
    await using eve = await enter(one, "eve");
    await using frank = await enter(other, "frank");
    for (const peer of [eve, frank]) peer.say({ type: "Join", join: ["meanwhile"] });
    const [again, bobAgain] = [await connect(one, "alice", "bob", "doc"), await connect(other, "bob", "alice", "doc")];
    again.send("held meanwhile");

    await population.nats.restart();
    assertEquals([await heardOf(eve, "frank", 1), await heardOf(frank, "eve", 1)], [["meanwhile"], ["meanwhile"]]);
    assertEquals(await bobAgain.next(), "held meanwhile");
    for (const relay of population.relays) await untilReady(relay, 200);
    await hangUp(again, bobAgain, carol, dave);
  });

  Deno.test("when NATS freezes mid-stream, both ends hear 1012 in bounded time, and local pairs go on", async () => {
    await using population = await Population.start(2);
    const [one, other] = population.relays;
    const [alice, bob] = await pairOf([one, other], "doc");
    const [carol, dave] = [await connect(one, "carol", "dave", "local"), await connect(one, "dave", "carol", "local")];
    const freeze = () => Promise.resolve(population.nats.signal("SIGSTOP"));
    const assertPrefix = await stream([alice, bob], one, freeze);
    alice.send(String(STREAMED)); // into the void, or on to Bob when NATS thaws: then it is the next of the prefix
    assertEquals(await alice.closed, CLOSE.backplaneLost);
    carol.send("still here");
    assertEquals(await dave.next(), "still here");
    population.nats.signal("SIGCONT");
    assertEquals(await bob.closed, CLOSE.backplaneLost);
    await assertPrefix();
    const pair = await pairOf([one, other], "doc");
    pair[0].send("again");
    assertEquals(await pair[1].next(), "again");
    await hangUp(...pair, carol, dave);
  });

  Deno.test("an instance that drains ends with 0, and its pairs over two instances with 1012", async () => {
    await using population = await Population.start(2, ["--drain-timeout", "0.2"]);
    const [one, other] = population.relays;
    const [alice, bob] = await pairOf([one, other], "doc");
    one.signal("SIGTERM");
    assertEquals([await alice.closed, await bob.closed], [CLOSE.restarting, CLOSE.restarting]);
    assertEquals((await one.exited).code, 0);
    assertEquals(await counts(other), { seekers: 0, pairs: 0 });
  });
});

interface Introduction {
  readonly userName: string;
  readonly documentIds: string[];
}

function enter(relay: Listening, peerId: string): Promise<Peer> {
  return Peer.open(`${relay.url}/introduction/${peerId}`);
}

function connect(relay: Listening, localId: string, remoteId: string, documentId: string): Promise<Peer> {
  return Peer.open(`${relay.url}/connection/${localId}/${remoteId}/${documentId}`);
}

/** Alice and Bob on two instances, paired: each has heard the other. */
async function pairOf([one, other]: readonly Listening[], documentId: string): Promise<[Peer, Peer]> {
  const [alice, bob] = await Promise.all([
    connect(one, "alice", "bob", documentId),
    connect(other, "bob", "alice", documentId),
  ]);
  for (const peer of [alice, bob]) peer.send("hello");
  assertEquals([await alice.next(), await bob.next()], ["hello", "hello"]);
  return [alice, bob];
}

/** The documents of the next introductions of one other peer, as many as there must be. */
async function heardOf(peer: Peer, other: string, count: number): Promise<string[]> {
  const documents: string[] = [];
  while (documents.length < count) {
    const { userName, documentIds } = await peer.heard() as Introduction;
    assertEquals(userName, other);
    documents.push(...documentIds);
  }
  return documents;
}

/** Two of each side, anywhere. Who lost its partner to a newcomer comes again, as clients do; gives those who are left. */
async function duplicates({ relays }: Population, documentId: string, chance: Chance): Promise<[Peer, Peer]> {
  const come = (local: string, remote: string) => connect(chance.pick(relays), local, remote, documentId);
  const live = async (local: string, remote: string): Promise<Peer> => {
    const sides = await Promise.all([come(local, remote), come(local, remote)]);
    for (;;) {
      // The last one that is not superseded, once the others are.
      const ended = await Promise.race([
        met(sides),
        ...sides.map(async (side) => ({ side, close: await side.closed })),
      ]);
      if (ended instanceof Peer) return ended;
      sides.splice(sides.indexOf(ended.side), 1);
      // Lost its partner; if it said hello just then, the runtime reset it before it could hear so.
      if (ended.close.code !== CLOSE.superseded.code) sides.push(await come(local, remote));
    }
  };
  return await Promise.all([live("alice", "bob"), live("bob", "alice")]);
}

/** The only side that is left, when it has heard its partner. */
async function met(sides: readonly Peer[]): Promise<Peer> {
  if (sides.length > 1) return await new Promise(() => {});
  sides[0].send("hello");
  await sides[0].next().catch(() => new Promise(() => {}));
  return sides[0];
}

/**
 * Numbers from one to the other, and in the middle of them something happens. Gives a check that a prefix arrived.
 *
 * @param relay That of the first.
 */
async function stream(
  [from, to]: readonly [Peer, Peer],
  relay: Listening,
  happen: () => Promise<void>,
): Promise<() => Promise<void>> {
  const before = (await statusOf(relay)).frames;
  for (let i = 0; i < STREAMED; i++) from.send(String(i));
  for (let i = 0; i < 500; i++) assertEquals(await to.next(), String(i));
  const allCame = async () => {
    while ((await statusOf(relay)).frames < before + STREAMED);
  };
  await within(allCame(), "all to come to the relay");
  await happen();
  return async () => {
    await to.closed;
    const rest: unknown[] = [];
    await assertRejects(async () => {
      for (;;) rest.push(await to.next());
    });
    assertEquals(rest, Array.from(rest, (_, i) => String(500 + i)));
  };
}

async function counts(relay: Listening): Promise<{ seekers: number; pairs: number }> {
  const { seekers, pairs } = await statusOf(relay);
  return { seekers, pairs };
}

async function statusOf(relay: Listening): Promise<{ seekers: number; pairs: number; frames: number }> {
  return await (await fetch(relay.http, { headers: { accept: "application/json" } })).json();
}

/** The values of a scrape, by name and labels. */
async function scrape(relay: Listening): Promise<(series: string) => number> {
  const lines = (await (await fetch(`${relay.http}/metrics`)).text()).split("\n");
  return (series) => Number(lines.find((line) => line.startsWith(`${series} `))?.slice(series.length + 1));
}

async function until(relay: Listening, wanted: { seekers: number; pairs: number }): Promise<void> {
  const reached = async () => {
    for (let now = await counts(relay); now.pairs !== wanted.pairs || now.seekers !== wanted.seekers;) {
      now = await counts(relay);
    }
  };
  await within(reached(), Deno.inspect(wanted));
}

async function hangUp(...peers: Peer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
}
