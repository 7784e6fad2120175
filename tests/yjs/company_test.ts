/** Several providers of one room, in one process: their network and time are in the hands of the test. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { RelayProvider, type RelayProviderOptions } from "../../src/yjs/mod.ts";
import { FakeNetwork } from "./fake_network.ts";

Deno.test("seeds: content is there once, for one who is alone and for those who come later", async () => {
  await using house = new House();
  const alice = house.join({ userName: "zoe" });
  alice.seeds();
  await house.network.pass(3_000);
  assertEquals(alice.text, "seed;");
  const bob = house.join({ userName: "bob" });
  bob.seeds();
  await house.network.pass(10_000);
  assertEquals([alice.text, bob.text], ["seed;", "seed;"]);
  assertEquals([alice.diary, bob.diary], [["sync true"], ["sync true"]]);
});

Deno.test("seeds: of any number who come to an empty room, whenever they come, exactly one seeds", async () => {
  const delays = fc.integer({ min: 5, max: 400 });
  const arrivals = fc.array(fc.integer({ min: 0, max: 6_000 }), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      arrivals,
      fc.infiniteStream(delays),
      fc.integer({ min: 0, max: 300 }),
      async (times, delay, pause) => {
        await using house = new House(() => delay.next().value);
        const everyone: Resident[] = [];
        times.sort((a, b) => a - b);
        for (const [index, time] of times.entries()) {
          await house.network.pass(time - (times[index - 1] ?? 0));
          everyone.push(house.join({ userName: `${(index * 7) % 5} ${index}` }));
          everyone.at(-1)!.seeds(pause);
        }
        await house.network.pass(30_000);
        assertEquals(everyone.map(({ text }) => text), everyone.map(() => "seed;"));
        assertEquals(everyone.map(({ diary }) => diary), everyone.map(() => ["sync true"]));
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("seeds: when the relay was away, nobody seeds again, and all are synced again", async () => {
  await using house = new House();
  const everyone = ["alice", "bob", "eve"].map((userName) => house.join({ userName }));
  for (const one of everyone) one.seeds();
  await house.network.pass(10_000);
  house.network.goAway();
  await house.network.pass(3_000);
  assertEquals(everyone.map(({ diary }) => diary.at(-1)), everyone.map(() => "sync false"));
  house.network.comeBack();
  await house.network.pass(60_000);
  assertEquals(everyone.map(({ text, diary }) => [text, diary.at(-1)]), everyone.map(() => ["seed;", "sync true"]));
});

Deno.test("awareness: two providers of one document in a page do not erase their own, and the latest change counts", async () => {
  await using house = new House();
  const doc = new Y.Doc();
  const [bob, old] = [house.join({ userName: "bob" }), house.join({}, doc)];
  for (const step of [1, 2, 3]) old.provider.awareness.setLocalState({ name: `old ${step}` });
  await house.network.pass(1_000);
  const young = house.join({}, doc);
  young.provider.awareness.setLocalState({ name: "young" });
  await house.network.pass(1_000);
  const shown = () => [old, young].map(({ provider }) => provider.awareness.getLocalState()?.name);
  assertEquals([shown(), bob.sees(doc.clientID)], [["old 3", "young"], "young"]);
  young.provider.awareness.setLocalState({ name: "young 2" });
  await house.network.pass(1_000);
  assertEquals([shown(), bob.sees(doc.clientID)], [["old 3", "young 2"], "young 2"]);
  old.provider.awareness.setLocalState({ name: "old 4" });
  await house.network.pass(1_000);
  assertEquals([shown(), bob.sees(doc.clientID)], [["old 4", "young 2"], "old 4"]);
  old.provider.destroy();
  await house.network.pass(1_000);
  assertEquals([shown()[1], bob.sees(doc.clientID)], ["young 2", "young 2"]);
});

Deno.test("awareness: with two relays, whom one of them loses is seen as long as the other is there", async () => {
  await using house = new House();
  await using other = new House();
  const [alice, bob] = [0, 1].map(() => {
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    const providers = [house, other].map((house) => house.join({ awareness }, doc));
    house.owns(() => awareness.destroy());
    return { awareness, doc, providers };
  });
  bob.awareness.setLocalState({ name: "bob" });
  for (const { network } of [house, other]) await network.pass(1_000);
  const seen = () => alice.awareness.getStates().get(bob.doc.clientID)?.name;
  const changes: number[] = [];
  alice.awareness.on("change", ({ removed }: { removed: number[] }) => changes.push(...removed));
  house.network.goAway();
  await house.network.pass(1_000);
  assertEquals([seen(), changes], ["bob", []]);
  bob.awareness.setLocalState({ name: "bob!" });
  await other.network.pass(1_000);
  assertEquals(seen(), "bob!");
  bob.providers[1].provider.destroy();
  await other.network.pass(1_000);
  assertEquals([seen(), changes], [undefined, [bob.doc.clientID]]);
});

Deno.test("awareness: whom another provider of it loses is seen as long as a peer tells of him", async () => {
  await using house = new House();
  const [alice, bob] = [house.join({}), house.join({})];
  bob.provider.awareness.setLocalState({ name: "bob" });
  await house.network.pass(1_000);
  alice.forgets(bob, { another: "provider" });
  await house.network.pass(5);
  assertEquals(alice.sees(bob.doc.clientID), "bob");
  alice.forgets(bob, "timeout");
  await house.network.pass(5);
  assertEquals(alice.sees(bob.doc.clientID), undefined);
});

for (const [how, end] of [["destroy", "destroy"], ["disconnect", "disconnect"]] as const) {
  Deno.test(`edits: one of 20 MB right before ${how}() arrives, and the client ends behind it`, async () => {
    await using house = new House();
    const [alice, bob, eve] = [house.join({}), house.join({}), house.join({})];
    await house.network.pass(1_000);
    alice.write("x".repeat(6_000_000));
    alice.write("y".repeat(14_000_000));
    alice.provider[end]();
    alice.write("too late");
    assertEquals(alice.provider.status, "disconnected");
    await house.network.pass(5_000);
    for (const { text } of [bob, eve]) assertEquals([text.length, text[0], text.at(-1)], [20_000_000, "y", "x"]);
    for (const { provider } of [bob, eve]) assertEquals(provider.awareness.getStates().has(alice.doc.clientID), false);
    alice.provider.destroy();
    for (const { provider } of [bob, eve]) provider.destroy();
    await house.network.pass(15_000);
    assertEquals(house.network.clock.pending, 0);
  });
}

Deno.test("edits: whoever connects again while an old edit goes out still tells all of it", async () => {
  await using house = new House();
  const [alice, bob] = [house.join({ userName: "alice" }), house.join({})];
  await house.network.pass(1_000);
  alice.write("x".repeat(10_000_000));
  alice.provider.disconnect();
  alice.provider.connect();
  await house.network.pass(5_000);
  assertEquals([bob.text.length, bob.diary.at(-1)], [10_000_000, "sync true"]);
});

/** A room, and whoever is in it. */
class House implements AsyncDisposable {
  readonly network: FakeNetwork;
  readonly #ends: (() => void)[] = [];

  constructor(delay?: () => number) {
    this.network = new FakeNetwork(delay);
  }

  join(options: RelayProviderOptions, doc = new Y.Doc()): Resident {
    const { WebSocket, environment } = this.network;
    const provider = new RelayProvider("ws://relay", "room", doc, { WebSocket, ...options }, environment);
    this.owns(() => provider.destroy());
    return new Resident(provider, this.network);
  }

  owns(end: () => void): void {
    this.#ends.push(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    await this.network.pass(20);
  }
}

/** Somebody in it. */
class Resident {
  readonly doc: Y.Doc;
  readonly diary: string[] = [];

  constructor(readonly provider: RelayProvider, readonly network: FakeNetwork) {
    this.doc = provider.doc;
    provider.on("sync", (isSynced) => this.diary.push(`sync ${isSynced}`));
  }

  get text(): string {
    return this.doc.getText().toString();
  }

  write(words: string): void {
    this.doc.getText().insert(0, words);
  }

  /** Seeds the document once it is synced and empty, as editors do, and as slow pages do it. */
  seeds(afterMs = 0): void {
    const seed = () => this.text === "" && this.write("seed;");
    this.provider.on("sync", (isSynced) => {
      if (isSynced && afterMs === 0) seed();
      else if (isSynced) this.network.clock.after(afterMs, seed);
    });
  }

  /** The name under which a client is seen. */
  sees(client: number): string | undefined {
    return this.provider.awareness.getStates().get(client)?.name;
  }

  /** What another provider of the same awareness does when it loses somebody. */
  forgets({ doc: { clientID } }: Resident, origin: unknown): void {
    const { awareness } = this.provider;
    awareness.states.delete(clientID);
    awareness.emit("update", [{ added: [], updated: [], removed: [clientID] }, origin]);
  }
}
